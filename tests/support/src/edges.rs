//! Who can reach whom in a local AWS (`scripts/local_aws/server/reach.py`), and how that has changed.

use crate::{LocalAws, Value, json};

impl LocalAws {
    /// From now on it looks after every change who can reach whom.
    pub fn watch_edges(&self) {
        self.config(json!({"edges": true}));
    }

    /// What it has seen since [`watch_edges`](Self::watch_edges) or the last
    /// [`forget_edges`](Self::forget_edges): how it was then, and an entry for each change of it.
    /// The last entry is how it is now.
    pub fn edges(&self) -> Vec<Value> {
        self.own_list("edges")
    }

    /// Begins a new log, with how it is now.
    pub fn forget_edges(&self) {
        self.own_delete("edges");
    }

    /// Makes a CloudWatch alarm, which goes off when it is told to.
    pub fn make_alarm(&self, name: &str) {
        let alarm = json!({
            "AlarmName": name, "Namespace": "AWS/ApplicationELB",
            "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 10.0,
            "ComparisonOperator": "GreaterThanThreshold",
        });
        self.call("cloudwatch", "put_metric_alarm", alarm);
    }

    /// How long states like `pending` and `draining` last from now on, in seconds.
    pub fn set_moment(&self, seconds: f64) {
        self.config(json!({"moment": seconds}));
    }
}
