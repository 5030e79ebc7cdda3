//! The calls about the cluster.

use std::time::Duration;

use aws_sdk_ecs::types::{Cluster, ClusterField, ClusterSetting, ClusterSettingName};
use plumbing::{Error, Result, aws_error, code, wait};

use super::convert::{have_tags, providers, sdk_tags, strategy};
use super::{Ecs, is_missing};
use crate::plan::cluster::{HaveCluster, Insights};
use crate::plan::revision::short;

/// It takes minutes until a cluster's services and tasks have ended (Terraform waits 10).
const EMPTY_BUDGET: Duration = Duration::from_secs(600);
const NOT_EMPTY: [&str; 3] = [
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
];

impl Ecs {
    /// The cluster of our name, ours or not. A deleted one, which ECS describes as INACTIVE for a
    /// while, counts as none.
    pub async fn get_cluster(&self) -> Result<Option<HaveCluster>> {
        let request = self
            .client
            .describe_clusters()
            .clusters(&self.cluster)
            .include(ClusterField::Settings)
            .include(ClusterField::Tags);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let what = format!("find cluster {}", self.cluster);
                return Err(aws_error("ecs:DescribeClusters", what, error));
            }
        };
        let described = answer.clusters.unwrap_or_default().into_iter();
        let mut found = described.map(have_of);
        Ok(found.find(|cluster| cluster.status != "INACTIVE"))
    }

    /// Makes the cluster with its tags, and with these capacity providers, and answers its ARN; where
    /// another run was faster, ECS answers with that one.
    pub async fn create_cluster(&self, insights: Insights, providers: &[String]) -> Result<String> {
        let tags = self.aws.env.tags_of(&self.cluster);
        let request = self
            .client
            .create_cluster()
            .cluster_name(&self.cluster)
            .settings(setting(insights))
            .set_capacity_providers((!providers.is_empty()).then(|| providers.to_vec()))
            .set_tags(sdk_tags(&tags));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:CreateCluster", send).await {
            Ok(answer) => {
                let cluster = answer.cluster.and_then(|cluster| cluster.cluster_arn);
                Ok(cluster.unwrap_or_default())
            }
            Err(error) => {
                let what = format!("create cluster {}", self.cluster);
                Err(aws_error("ecs:CreateCluster", what, error))
            }
        }
    }

    /// Says what CloudWatch is told of the cluster's services and tasks.
    pub async fn set_insights(&self, insights: Insights) -> Result<()> {
        let request = self.client.update_cluster().cluster(&self.cluster);
        let request = request.settings(setting(insights));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:UpdateCluster", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set Container Insights of cluster {}", self.cluster);
                Err(aws_error("ecs:UpdateCluster", what, error))
            }
        }
    }

    /// Has the cluster take these capacity providers, and its default strategy as it is: the call
    /// replaces both.
    pub async fn put_providers(&self, have: &HaveCluster, providers: &[String]) -> Result<()> {
        let request = self
            .client
            .put_cluster_capacity_providers()
            .cluster(&self.cluster)
            .set_capacity_providers(Some(providers.to_vec()))
            .set_default_capacity_provider_strategy(Some(strategy(&have.strategy)?));
        let operation = "ecs:PutClusterCapacityProviders";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the capacity providers of {}", self.cluster);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Deletes the cluster, once no services and tasks are in it any more.
    pub async fn delete_cluster(&self) -> Result<()> {
        let what = format!("cluster {} still has services or tasks", self.cluster);
        let delete = || self.delete_cluster_if_empty();
        wait::until(&self.aws.control, &what, EMPTY_BUDGET, delete).await
    }

    /// Deletes the cluster; answers nothing while something is in it.
    ///
    /// Errors: a service is in it that is not being deleted.
    async fn delete_cluster_if_empty(&self) -> Result<Option<()>> {
        let request = self.client.delete_cluster().cluster(&self.cluster);
        let error = match request.send().await {
            Ok(_) => return Ok(Some(())),
            Err(error) => error,
        };
        match code(&error) {
            code if is_missing(code) => Ok(Some(())),
            code if NOT_EMPTY.contains(&code) => {
                // One that drains is not listed: this one was made meanwhile, or by somebody else.
                match self.list_service_arns().await?.first() {
                    Some(service) => Err(self.occupied_by(service, code)),
                    None => Ok(None),
                }
            }
            _ => {
                let what = format!("delete cluster {}", self.cluster);
                Err(aws_error("ecs:DeleteCluster", what, error))
            }
        }
    }

    fn occupied_by(&self, service: &str, code: &str) -> Error {
        let message = format!(
            "cannot delete cluster {}: {} is in it (ecs:DeleteCluster, {code})",
            self.cluster,
            short(service)
        );
        let hint = "run it again, or delete the service if it is not this environment's";
        Error::unfinished(message).hint(hint)
    }
}

fn setting(insights: Insights) -> ClusterSetting {
    let setting = ClusterSetting::builder().name(ClusterSettingName::ContainerInsights);
    setting.value(insights.word()).build()
}

fn have_of(cluster: Cluster) -> HaveCluster {
    let mut settings = cluster.settings().iter();
    let insights = settings.find(|one| one.name() == Some(&ClusterSettingName::ContainerInsights));
    let insights = insights.and_then(ClusterSetting::value).unwrap_or_default();
    HaveCluster {
        insights: Insights::of(insights),
        arn: cluster.cluster_arn.unwrap_or_default(),
        status: cluster.status.unwrap_or_default(),
        providers: cluster.capacity_providers.unwrap_or_default(),
        strategy: cluster
            .default_capacity_provider_strategy
            .as_deref()
            .map_or(Vec::new(), providers),
        tags: have_tags(cluster.tags),
    }
}
