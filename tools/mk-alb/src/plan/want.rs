//! What an app asks for, in AWS's words. Pure.

use plumbing::name::{LOAD_BALANCER_LIMIT, LONG_LIMIT};
use plumbing::{App, Env};

/// What an app asks for.
#[derive(Clone, Debug)]
pub struct Want {
    /// The app.
    pub app: String,
    /// The load balancer's name.
    pub load_balancer_name: String,
    /// The target group's name.
    pub target_group_name: String,
    /// The listener's name, a tag: AWS has none for it.
    pub listener_name: String,
    /// `internet-facing` or `internal`.
    pub scheme: &'static str,
    /// The port of the app's tasks.
    pub port: i32,
    /// How a target is asked whether it is healthy.
    pub health_check: HealthCheck,
}

/// The settings of a target group's health check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthCheck {
    /// `HTTP`.
    pub protocol: String,
    /// `traffic-port`.
    pub port: String,
    /// The path that is requested.
    pub path: String,
    /// The status codes of a healthy answer.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: i32,
    /// Seconds until a check has failed.
    pub timeout: i32,
    /// Good checks in a row until a target is healthy.
    pub healthy_threshold: i32,
    /// Bad checks in a row until it is unhealthy.
    pub unhealthy_threshold: i32,
}

/// What an app asks for.
pub fn want(env: &Env, app: &App) -> Want {
    let health_check = HealthCheck {
        protocol: "HTTP".into(),
        port: "traffic-port".into(),
        path: app.health.clone(),
        matcher: "200".into(),
        interval: 15,
        timeout: 5,
        healthy_threshold: 2,
        unhealthy_threshold: 3,
    };
    Want {
        app: app.name.clone(),
        load_balancer_name: load_balancer_name(env, &app.name),
        target_group_name: target_group_name(env, &app.name),
        listener_name: env.named("listener", &app.name, LONG_LIMIT),
        scheme: if app.public {
            "internet-facing"
        } else {
            "internal"
        },
        port: app.port.into(),
        health_check,
    }
}

/// The name of an app's load balancer.
pub fn load_balancer_name(env: &Env, app: &str) -> String {
    env.named("alb", app, LOAD_BALANCER_LIMIT)
}

/// The name of an app's target group.
pub fn target_group_name(env: &Env, app: &str) -> String {
    env.named("tg", app, LOAD_BALANCER_LIMIT)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn app(text: &str) -> App {
        serde_json::from_str(text).unwrap()
    }

    pub fn web() -> Want {
        want(&Env::example(), &app(r#"{"name":"web","public":true}"#))
    }

    #[test]
    fn names_fit_the_limit_and_differ() {
        let app = app(r#"{"name":"recommendations-of-the-day"}"#);
        let long = want(&Env::example(), &app);
        assert!(long.load_balancer_name.len() <= 32);
        assert!(long.target_group_name.len() <= 32);
        assert_ne!(long.load_balancer_name, long.target_group_name);
    }
}
