//! The apps of an environment, as `mk-app` is told of them.

use std::collections::BTreeSet;

/// An app.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    pub name: &'static str,
    pub port: u16,
    pub public: bool,
    pub health: &'static str,
    pub calls: Vec<&'static str>,
    pub count: u32,
    /// Whether it has a load balancer.
    pub worker: bool,
    /// What else mk-app is told of it.
    pub more: &'static str,
}

/// All apps of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub apps: Vec<App>,
    /// What mk-vpc is told of zones and NAT gateways.
    pub network: &'static str,
}

impl App {
    pub fn private(name: &'static str) -> Self {
        App {
            name,
            port: 5000,
            public: false,
            health: "/",
            calls: Vec::new(),
            count: 2,
            worker: false,
            more: "",
        }
    }

    pub fn public(name: &'static str) -> Self {
        App {
            public: true,
            ..App::private(name)
        }
    }

    pub fn calling(mut self, other: &'static str) -> Self {
        self.calls.push(other);
        self
    }

    /// The command that writes its record. It is told where the apps are that it calls.
    fn command(&self) -> String {
        let App {
            name,
            port,
            count,
            health,
            more,
            ..
        } = self;
        let mut command = format!("mk-app {name} --port {port} --count {count}");
        command += &format!(" --image registry.example/x:1 {more}");
        if self.worker {
            command += " --worker";
        } else {
            command += &format!(" --health {health}");
        }
        if self.public {
            command += " --public";
        }
        for other in &self.calls {
            let variable = other.to_uppercase().replace('-', "_");
            command += &format!(" --calls {other} --set '{variable}=http://{{alb.{other}.dns}}/'");
        }
        command
    }
}

impl Layout {
    /// The apps web, which is public, and api, which it calls.
    pub fn web_and_api() -> Self {
        Layout {
            apps: vec![App::public("web").calling("api"), App::private("api")],
            network: "",
        }
    }

    /// This one in another network.
    pub fn within(&self, network: &'static str) -> Self {
        Layout {
            network,
            ..self.clone()
        }
    }

    /// Another layout: this one after a change of an app.
    pub fn with(&self, name: &str, change: impl FnOnce(&mut App)) -> Self {
        let mut other = self.clone();
        change(other.app(name).unwrap());
        other
    }

    pub fn app(&mut self, name: &str) -> Option<&mut App> {
        self.apps.iter_mut().find(|app| app.name == name)
    }

    pub fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.apps.retain(|app| app.name != name);
        other.keep_to_the_rules();
        other
    }

    /// Nobody calls an app that is public, has no load balancer or is not there.
    pub fn keep_to_the_rules(&mut self) {
        let mut callable = BTreeSet::new();
        for app in self.apps.iter().filter(|app| !app.public && !app.worker) {
            callable.insert(app.name);
        }
        for app in &mut self.apps {
            app.calls.retain(|other| callable.contains(other));
            app.calls.sort_unstable();
            app.calls.dedup();
        }
    }

    /// Who is to reach whom.
    pub fn edges(&self) -> BTreeSet<String> {
        let mut edges = BTreeSet::new();
        for app in &self.apps {
            if app.public {
                edges.insert(format!("internet -> {}", app.name));
            }
            for other in &app.calls {
                edges.insert(format!("{} -> {other}", app.name));
            }
        }
        edges
    }

    /// The whole pipe of `just up`, for apps that run an image of somebody else's.
    pub fn up(&self, prune: &str) -> String {
        let mut commands = vec!["mk-env production pr1".to_string()];
        for app in &self.apps {
            commands.push(app.command());
        }
        let apps = commands.join(" | ");
        let network = self.network;
        format!(
            "{apps} | mk-vpc {network} | mk-sg --private-api | mk-alb | mk-ecr | mk-role | mk-logs | \
             mk-ecs-svc | mk-scaling | wait-env | prune-env {prune}"
        )
    }
}
