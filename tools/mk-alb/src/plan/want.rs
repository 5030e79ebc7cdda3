//! What an app asks for, in AWS's words, and what that is called. Pure.
//!
//! A name carries what AWS cannot change: a load balancer's its scheme; a target group's its port, and
//! the scheme, since one load balancer alone can use it. It carries the health path as well, with the codes
//! and the port of its own that a check has: tasks that run may not answer so. What an app changes is
//! another resource beside the one that is in use.

use plumbing::name::{LOAD_BALANCER_LIMIT, LONG_LIMIT};
use plumbing::{App, Balancing, Env};
use sha2::{Digest, Sha256};

use super::rule::RuleWant;

/// The scheme of a load balancer that the internet reaches.
pub const PUBLIC: &str = "internet-facing";
/// The scheme of a load balancer that is reached from within the VPC.
pub const INTERNAL: &str = "internal";
/// The word for it in a name: with a longer one, many names would have to be cut.
const INTERNAL_WORD: &str = "int";

/// What AWS calls the port of the requests.
pub const TRAFFIC_PORT: &str = "traffic-port";
/// How long the last requests of a target have, in seconds.
pub const DRAIN: &str = "deregistration_delay.timeout_seconds";
/// Over how many seconds the share of a new target grows.
pub const SLOW_START: &str = "slow_start.duration_seconds";
/// Whether a visitor stays with one target.
pub const STICKY: &str = "stickiness.enabled";
/// What a visitor is known by.
pub const STICKY_BY: &str = "stickiness.type";
/// The load balancer's own cookie.
pub const LB_COOKIE: &str = "lb_cookie";
/// For how many seconds, with that cookie.
pub const STICKY_FOR: &str = "stickiness.lb_cookie.duration_seconds";
/// After how many seconds without traffic a connection is closed.
pub const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// What an app asks for.
#[derive(Clone, Debug)]
pub struct Want {
    /// The app.
    pub app: String,
    /// The name of the load balancer: its own, or that of the app that it is behind.
    pub load_balancer_name: String,
    /// The rule by which it answers at another app's load balancer, where it has none of its own.
    pub rule: Option<RuleWant>,
    /// The target group's name.
    pub target_group_name: String,
    /// The name of the second target group, where ECS shifts the requests between two.
    pub alternate_name: Option<String>,
    /// The name of the target group's record.
    pub group_record: String,
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
    /// The attributes of the target group.
    pub group_attributes: Vec<Attribute>,
    /// Those of the load balancer that an app decides.
    pub balancer_attributes: Vec<Attribute>,
}

/// An attribute that an app decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its key.
    pub key: &'static str,
    /// The value that is wanted.
    pub value: String,
    /// The value that AWS gives to what is made (Elastic Load Balancing's user guide, "Target group
    /// attributes" and "Load balancer attributes").
    pub default: &'static str,
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

impl Want {
    /// The same with the second target group in the place of the first.
    pub fn of_alternate(&self) -> Option<Want> {
        let name = self.alternate_name.clone()?;
        Some(Want {
            target_group_name: name,
            group_record: alternate_record(&self.app),
            ..self.clone()
        })
    }

    /// The names of its target groups.
    pub fn target_group_names(&self) -> Vec<&String> {
        let all = [Some(&self.target_group_name), self.alternate_name.as_ref()];
        all.into_iter().flatten().collect()
    }
}

/// The name of the record of an app's second target group.
pub fn alternate_record(app: &str) -> String {
    format!("alternate/{app}")
}

/// What an app asks for.
pub fn want(env: &Env, app: &App) -> Want {
    let scheme = scheme(app);
    Want {
        app: app.name.clone(),
        load_balancer_name: load_balancer_name(env, app.answers_at(), scheme),
        rule: RuleWant::of(env, app),
        target_group_name: target_group_name(env, app),
        alternate_name: app.deploy.shifts().then(|| alternate_name(env, app)),
        group_record: app.name.clone(),
        listener_name: env.named("listener", &app.name, LONG_LIMIT),
        scheme,
        port: app.port.into(),
        count: usize::try_from(app.count).unwrap_or(usize::MAX),
        health_check: health_check(app),
        group_attributes: group_attributes(&app.balancing),
        balancer_attributes: balancer_attributes(&app.balancing),
    }
}

fn health_check(app: &App) -> HealthCheck {
    let own = health_port(app).map(|port| port.to_string());
    let said = &app.health_check;
    HealthCheck {
        protocol: "HTTP".into(),
        port: own.unwrap_or_else(|| TRAFFIC_PORT.into()),
        path: app.health.clone(),
        matcher: said.codes().into(),
        interval: whole(said.interval()),
        timeout: whole(said.timeout()),
        healthy_threshold: whole(said.healthy_after()),
        unhealthy_threshold: whole(said.unhealthy_after()),
    }
}

/// The port that is asked, where it is another than that of the requests.
fn health_port(app: &App) -> Option<u16> {
    app.health_check.port.filter(|port| *port != app.port)
}

/// A number whose bounds the app's check has seen to.
fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn group_attributes(balancing: &Balancing) -> Vec<Attribute> {
    let attribute = |key, value: String, default| Attribute {
        key,
        value,
        default,
    };
    let sticky = balancing.sticky.unwrap_or(86400);
    vec![
        attribute(DRAIN, balancing.drain().to_string(), "300"),
        attribute(
            SLOW_START,
            balancing.slow_start.unwrap_or(0).to_string(),
            "0",
        ),
        attribute(STICKY, balancing.sticky.is_some().to_string(), "false"),
        attribute(STICKY_BY, LB_COOKIE.into(), LB_COOKIE),
        attribute(STICKY_FOR, sticky.to_string(), "86400"),
    ]
}

fn balancer_attributes(balancing: &Balancing) -> Vec<Attribute> {
    let idle = balancing.idle_timeout.unwrap_or(60);
    vec![Attribute {
        key: IDLE_TIMEOUT,
        value: idle.to_string(),
        default: "60",
    }]
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

/// The name of an app's target group. Scheme and health check have one short word together, unless they
/// are those of most public apps.
pub fn target_group_name(env: &Env, app: &App) -> String {
    env.named_with("tg", &app.name, &detail(app), LOAD_BALANCER_LIMIT)
}

/// The name of its second one, which differs in nothing else.
pub fn alternate_name(env: &Env, app: &App) -> String {
    let detail = format!("{}-alt", detail(app));
    env.named_with("tg", &app.name, &detail, LOAD_BALANCER_LIMIT)
}

fn detail(app: &App) -> String {
    let port = app.port;
    let mut check = check_word(app);
    if let Some(host) = &app.sharing.behind {
        check += &format!(" behind {host}"); // a load balancer alone can use it
    }
    if app.public && check == "/" {
        port.to_string()
    } else {
        let scheme_and_check = format!("{} {check}", scheme(app));
        format!("{port}-{}", short_hash(&scheme_and_check))
    }
}

/// What of a health check tasks that run may fail: the path, and codes and port where it has its own.
fn check_word(app: &App) -> String {
    let mut word = app.health.clone();
    let codes = app.health_check.codes();
    if codes != "200" {
        word += &format!(" {codes}");
    }
    if let Some(port) = health_port(app) {
        word += &format!(" :{port}");
    }
    word
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
            r#"{"name":"web","public":true,"health_codes":"200,302"}"#,
            r#"{"name":"web","public":true,"health_port":9000}"#,
            r#"{"name":"web","public":true,"health_port":9000,"health_codes":"200,302"}"#,
            r#"{"name":"web","public":true,"behind":"shop","path":["/web/*"]}"#,
            r#"{"name":"web","public":true,"behind":"docs","path":["/web/*"]}"#,
        ];
        let mut target_groups: Vec<String> = apps.iter().map(|app| names(app).1).collect();
        target_groups.sort();
        target_groups.dedup();
        assert_eq!(target_groups.len(), apps.len());
        assert_ne!(names(apps[0]).0, names(apps[1]).0);
        assert_eq!(names(apps[0]).0, names(apps[2]).0);
    }

    #[test]
    fn a_second_target_group_has_a_name_of_its_own_and_the_first_one_keeps_its() {
        let env = Env::example();
        let shifting = r#"{"name":"web","public":true,"deploy":"canary"}"#;
        let both = want(&env, &app(shifting));
        assert_eq!(both.target_group_name, web().target_group_name);
        let other = both.of_alternate().unwrap();
        assert_eq!(other.target_group_name, "tg-web-5000-alt-production-pr1");
        assert_eq!(other.group_record, "alternate/web");
        assert_eq!(web().alternate_name, None);
        let long = r#"{"name":"recommendations-of-the-day","deploy":"linear"}"#;
        let long = want(&env, &app(long));
        let names = long.target_group_names();
        assert!(names[0] != names[1] && names.iter().all(|name| name.len() <= 32));
    }

    #[test]
    fn what_changes_in_place_or_says_the_default_makes_no_other_name() {
        let plain = names(r#"{"name":"web","public":true}"#);
        for same in [
            r#"{"name":"web","public":true,"health_codes":"200","health_port":5000}"#,
            r#"{"name":"web","public":true,"health_interval":6,"healthy_after":5,"drain":0}"#,
            r#"{"name":"web","public":true,"slow_start":30,"sticky":60,"idle_timeout":5}"#,
        ] {
            assert_eq!(names(same), plain, "{same}");
        }
    }

    #[test]
    fn what_an_app_says_of_checks_and_requests_is_asked_for_in_awss_words() {
        let plain = web();
        assert_eq!(plain.health_check.port, "traffic-port");
        assert_eq!(plain.health_check.matcher, "200");
        let said = |attributes: &[Attribute]| -> Vec<String> {
            let others = attributes.iter().filter(|one| one.value != one.default);
            others
                .map(|one| format!("{} {}", one.key, one.value))
                .collect()
        };
        assert_eq!(said(&plain.group_attributes), [format!("{DRAIN} 30")]);
        assert!(said(&plain.balancer_attributes).is_empty());
        let all = want(
            &Env::example(),
            &app(
                r#"{"name":"web","health_codes":"200-399","health_port":9000,"health_interval":6,"health_timeout":2,"healthy_after":4,"unhealthy_after":5,"slow_start":30,"sticky":60,"drain":300,"idle_timeout":5}"#,
            ),
        );
        let expected = HealthCheck {
            protocol: "HTTP".into(),
            port: "9000".into(),
            path: "/".into(),
            matcher: "200-399".into(),
            interval: 6,
            timeout: 2,
            healthy_threshold: 4,
            unhealthy_threshold: 5,
        };
        assert_eq!(all.health_check, expected);
        assert_eq!(
            said(&all.group_attributes),
            [
                "slow_start.duration_seconds 30",
                "stickiness.enabled true",
                "stickiness.lb_cookie.duration_seconds 60"
            ]
        );
        assert_eq!(
            said(&all.balancer_attributes),
            ["idle_timeout.timeout_seconds 5"]
        );
    }

    #[test]
    fn an_app_behind_another_answers_at_that_ones_load_balancer() {
        let text = r#"{"name":"api","public":true,"behind":"web","path":["/api/*"],"host":["a.example.com"]}"#;
        let behind = want(&Env::example(), &app(text));
        assert_eq!(behind.load_balancer_name, web().load_balancer_name);
        let rule = behind.rule.unwrap();
        assert_eq!(rule.name, "rule-api-production-pr1");
        assert_eq!(
            (rule.paths, rule.hosts),
            (
                vec!["/api/*".to_string()],
                vec!["a.example.com".to_string()]
            )
        );
        let other = text.replace("/api/*", "/v2/*");
        assert_eq!(names(text), names(&other)); // changed in place
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
