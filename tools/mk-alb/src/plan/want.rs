//! What an app asks for, in AWS's words, and what that is called. Pure.
//!
//! A name carries what AWS cannot change: a load balancer's its scheme; a target group's its port, and
//! the scheme, since one load balancer alone can use it. It carries the health path as well, which tasks
//! that run may not answer: what an app changes is another resource beside the one that is in use.

use plumbing::name::{LOAD_BALANCER_LIMIT, LONG_LIMIT};
use plumbing::{App, Env};
use sha2::{Digest, Sha256};

/// The scheme of a load balancer that the internet reaches.
pub const PUBLIC: &str = "internet-facing";
/// The scheme of a load balancer that is reached from within the VPC.
pub const INTERNAL: &str = "internal";
/// The word for it in a name: with a longer one, many names would have to be cut.
const INTERNAL_WORD: &str = "int";

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
    /// How many tasks it is to have.
    pub count: usize,
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
    let scheme = scheme(app);
    Want {
        app: app.name.clone(),
        load_balancer_name: load_balancer_name(env, &app.name, scheme),
        target_group_name: target_group_name(env, app),
        listener_name: env.named("listener", &app.name, LONG_LIMIT),
        scheme,
        port: app.port.into(),
        count: usize::try_from(app.count).unwrap_or(usize::MAX),
        health_check,
    }
}

fn scheme(app: &App) -> &'static str {
    if app.public { PUBLIC } else { INTERNAL }
}

/// The name of an app's load balancer of a scheme.
fn load_balancer_name(env: &Env, app: &str, scheme: &str) -> String {
    let word = if scheme == PUBLIC { "" } else { INTERNAL_WORD };
    env.named_with("alb", app, word, LOAD_BALANCER_LIMIT)
}

/// The names that load balancers of an app may have.
pub fn load_balancer_names(env: &Env, app: &str) -> [String; 2] {
    [PUBLIC, INTERNAL].map(|scheme| load_balancer_name(env, app, scheme))
}

/// The name of an app's target group. Scheme and health path have one short word together, unless
/// they are those of most public apps.
pub fn target_group_name(env: &Env, app: &App) -> String {
    let port = app.port;
    let detail = if app.public && app.health == "/" {
        port.to_string()
    } else {
        let scheme_and_path = format!("{} {}", scheme(app), app.health);
        format!("{port}-{}", short_hash(&scheme_and_path))
    };
    env.named_with("tg", &app.name, &detail, LOAD_BALANCER_LIMIT)
}

/// Four letters or digits, in which one text of nearly a million is like another. Without vowels they
/// make no words.
fn short_hash(text: &str) -> String {
    const ALPHABET: &[u8; 30] = b"bcdfghjklmnpqrstvwxz0123456789";
    let mut hash = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(4) {
        let index = usize::from(*byte) % ALPHABET.len();
        hash.push(char::from(ALPHABET[index]));
    }
    hash
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

    /// The names of load balancer and target group.
    fn names(text: &str) -> (String, String) {
        let want = want(&Env::example(), &app(text));
        (want.load_balancer_name, want.target_group_name)
    }

    #[test]
    fn every_name_stays_what_it_is() {
        for (app, load_balancer, target_group) in [
            (
                r#"{"name":"web","public":true}"#,
                "alb-web-production-pr1",
                "tg-web-5000-production-pr1",
            ),
            (
                r#"{"name":"web","public":true,"port":8080}"#,
                "alb-web-production-pr1",
                "tg-web-8080-production-pr1",
            ),
            (
                r#"{"name":"web","public":true,"health":"/well"}"#,
                "alb-web-production-pr1",
                "tg-web-5000-z4mp-production-pr1",
            ),
            (
                r#"{"name":"web"}"#,
                "alb-web-int-production-pr1",
                "tg-web-5000-g35s-production-pr1",
            ),
            (
                r#"{"name":"api","health":"/WeatherForecast"}"#,
                "alb-api-int-production-pr1",
                "tg-api-5000-1vx4-production-pr1",
            ),
            (
                r#"{"name":"my-web","public":true}"#,
                "alb-my-web-production-p-11ee76ac",
                "tg-my-web-5000-producti-d302e821",
            ),
        ] {
            let names = names(app);
            assert_eq!(names, (load_balancer.into(), target_group.into()), "{app}");
        }
    }

    #[test]
    fn what_aws_cannot_change_makes_another_name() {
        let apps = [
            r#"{"name":"web","public":true}"#,
            r#"{"name":"web"}"#,
            r#"{"name":"web","public":true,"port":8080}"#,
            r#"{"name":"web","public":true,"health":"/well"}"#,
            r#"{"name":"web","health":"/well"}"#,
        ];
        let mut target_groups: Vec<String> = apps.iter().map(|app| names(app).1).collect();
        target_groups.sort();
        target_groups.dedup();
        assert_eq!(target_groups.len(), apps.len());
        assert_ne!(names(apps[0]).0, names(apps[1]).0);
        assert_eq!(names(apps[0]).0, names(apps[2]).0);
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
