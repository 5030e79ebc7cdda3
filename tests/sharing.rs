//! One load balancer for several apps: what the whole pipe makes of it, how an app comes behind another one
//! and gets a load balancer of its own again, and who reaches what.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{
    Account, DOWN, ENV, LocalAws, Output, UP, Value, json, list, policies_allow_what_was_called,
    text, tool_at, tools_of,
};

struct World {
    aws: LocalAws,
    apps: Vec<Value>,
}

fn app(name: &str, fields: Value) -> Value {
    let image = format!("registry.example/{name}:1");
    let mut app = json!({"type": "app", "name": name, "image": image});
    let all = app.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    app
}

/// A public web, and an api and documents behind it.
fn three() -> World {
    World::of(vec![
        app("web", json!({"public": true})),
        app(
            "api",
            json!({"public": true, "behind": "web", "path": ["/api/*"], "port": 8080, "health": "/api/well"}),
        ),
        app(
            "docs",
            json!({"public": true, "behind": "web", "host": ["docs.example.com"]}),
        ),
    ])
}

/// A web that calls an api and another app behind that one.
fn inside() -> World {
    World::of(vec![
        app(
            "web",
            json!({"public": true, "calls": ["api", "more"], "set": {"MORE": "http://{alb.more.dns}/more"}}),
        ),
        app("api", json!({})),
        app(
            "more",
            json!({"behind": "api", "path": ["/more", "/more/*"], "port": 9000}),
        ),
    ])
}

impl World {
    fn of(apps: Vec<Value>) -> World {
        let aws = LocalAws::start();
        aws.set_moment(0.1);
        World { aws, apps }
    }

    fn app(&mut self, name: &str) -> &mut Value {
        let mut apps = self.apps.iter_mut();
        apps.find(|app| app["name"] == name).unwrap()
    }

    fn stream(&self) -> String {
        let apps: Vec<String> = self.apps.iter().map(Value::to_string).collect();
        format!("{ENV}\n{}\n", apps.join("\n"))
    }

    fn up(&self) -> Output {
        self.aws.forget();
        self.aws.pipe_with(UP, &self.stream())
    }

    fn pruned(&self) -> Output {
        let pruning = UP.replace("prune-env", "prune-env --confirm production-pr1");
        self.aws.pipe_with(&pruning, &self.stream())
    }

    /// A second run changes nothing, nor does one with what is found again from the name alone.
    fn is_as_wanted(&self) {
        let again = self.up().ok();
        assert_eq!(self.aws.changes(), Vec::<String>::new(), "{}", again.stderr);
        self.aws.forget();
        let listed = format!("ls-env --env production-pr1 </dev/null | {UP}");
        let listed = self.aws.pipe(&listed).ok();
        let changes = self.aws.changes();
        assert_eq!(changes, Vec::<String>::new(), "{}", listed.stderr);
    }

    fn load_balancers(&self) -> Vec<String> {
        let found = &self.aws.call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"];
        let names = list(found).iter();
        let mut names: Vec<String> = names
            .map(|one| text(&one["LoadBalancerName"]).into())
            .collect();
        names.sort();
        names
    }

    fn listener(&self, load_balancer: &str) -> Value {
        let params = json!({"Names": [load_balancer]});
        let found = self.aws.call("elbv2", "describe_load_balancers", params);
        let arn = &found["LoadBalancers"][0]["LoadBalancerArn"];
        let params = json!({"LoadBalancerArn": arn});
        self.aws.call("elbv2", "describe_listeners", params)["Listeners"][0].clone()
    }

    /// The rules of a load balancer beside the default one, in the order in which they are asked.
    fn rules(&self, load_balancer: &str) -> Vec<Value> {
        let params = json!({"ListenerArn": self.listener(load_balancer)["ListenerArn"]});
        let found = self.aws.call("elbv2", "describe_rules", params);
        let mut rules = list(&found["Rules"]).to_vec();
        rules.retain(|rule| rule["Priority"] != "default");
        rules.sort_by_key(|rule| text(&rule["Priority"]).parse::<u32>().unwrap());
        rules
    }

    /// What the rules say in few words: `/api/* -> tg-api-…`.
    fn routes(&self, load_balancer: &str) -> Vec<String> {
        let rules = self.rules(load_balancer);
        let said = rules.iter().map(|rule| {
            let values = list(&rule["Conditions"])
                .iter()
                .flat_map(|one| list(&one["Values"]));
            let values: Vec<&str> = values.map(text).collect();
            let group = text(&rule["Actions"][0]["TargetGroupArn"])
                .rsplit('/')
                .nth(1);
            let words: Vec<&str> = group.unwrap().split('-').take(2).collect();
            format!("{} -> {}", values.join(" "), words.join("-"))
        });
        said.collect()
    }

    /// The rules of all groups, in words.
    fn flows(&self) -> Vec<String> {
        let groups = self.aws.call("ec2", "describe_security_groups", json!({}));
        let groups = list(&groups["SecurityGroups"]);
        let name = |id: &str| -> String {
            let group = groups.iter().find(|group| group["GroupId"] == id).unwrap();
            let name = text(&group["GroupName"]).replace("security-group-", "");
            name.replace("-production-pr1", "")
        };
        let mut flows = Vec::new();
        for group in groups
            .iter()
            .filter(|group| group["GroupName"] != "default")
        {
            for (word, field) in [("from", "IpPermissions"), ("to", "IpPermissionsEgress")] {
                for rule in list(&group[field]) {
                    let own = name(text(&group["GroupId"]));
                    let port = &rule["FromPort"];
                    for pair in list(&rule["UserIdGroupPairs"]) {
                        let other = name(text(&pair["GroupId"]));
                        flows.push(format!("{own} {port} {word} {other}"));
                    }
                }
            }
        }
        flows.sort();
        flows
    }

    fn down(&self) {
        self.aws.pipe(DOWN).ok();
        assert_eq!(
            Account::new(&self.aws, "us-east-1").left(),
            Vec::<String>::new()
        );
    }
}

const WEB: &str = "alb-web-production-pr1";

#[test]
fn several_apps_answer_at_one_load_balancer() {
    let world = three();
    let made = world.up().ok();
    assert_eq!(world.load_balancers(), [WEB]);
    assert_eq!(
        world.routes(WEB),
        ["docs.example.com -> tg-docs", "/api/* -> tg-api"]
    );
    assert_eq!(
        world.flows(),
        [
            "alb-web 5000 to task-docs",
            "alb-web 5000 to task-web",
            "alb-web 8080 to task-api",
            "task-api 8080 from alb-web",
            "task-docs 5000 from alb-web",
            "task-web 5000 from alb-web",
        ]
    );
    assert!(made.stderr.contains("api: http://"), "{}", made.stderr);
    let call = "mk-vpc | mk-sg | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc | wait-env";
    policies_allow_what_was_called(&world.aws, &tools_of(call));
    world.is_as_wanted();
    let listed = world
        .aws
        .pipe("ls-env --env production-pr1 </dev/null")
        .ok();
    let api = listed.record("app", "api");
    assert_eq!(
        (&api["behind"], &api["path"], &api["public"]),
        (&json!("web"), &json!(["/api/*"]), &json!(true))
    );
    world.down();
}

#[test]
fn who_reaches_one_of_several_inside_reaches_all_and_nobody_else_does() {
    let world = inside();
    world.up().ok();
    assert_eq!(
        world.routes("alb-api-int-production-pr1"),
        ["/more /more/* -> tg-more"]
    );
    assert_eq!(
        world.flows(),
        [
            "alb-api 5000 to task-api",
            "alb-api 80 from task-web",
            "alb-api 9000 to task-more",
            "alb-web 5000 to task-web",
            "task-api 5000 from alb-api",
            "task-more 9000 from alb-api",
            "task-web 5000 from alb-web",
            "task-web 80 to alb-api",
        ]
    );
    let params = json!({"taskDefinition": "task-web-production-pr1"});
    let task = world.aws.call("ecs", "describe_task_definition", params);
    let environment = task["taskDefinition"]["containerDefinitions"][0]["environment"].to_string();
    assert!(environment.contains("http://alb-api-int-"), "{environment}");
    world.is_as_wanted();
    let listed = world
        .aws
        .pipe("ls-env --env production-pr1 </dev/null")
        .ok();
    assert_eq!(listed.record("app", "web")["calls"], json!(["api", "more"]));
    world.down();
}

#[test]
fn what_it_answers_changes_in_place() {
    let mut world = three();
    world.up().ok();
    let rule = world.rules(WEB)[1]["RuleArn"].clone();
    world.app("api")["path"] = json!(["/v2/*", "/v2"]);
    let plan = world
        .stream()
        .replacen(r#""type":"env""#, r#""type":"env","plan":true"#, 1);
    let until = UP.split_once(" | mk-ecr").unwrap().0;
    let planned = world.aws.pipe_with(until, &plan).would_change();
    assert_eq!(planned.record("listener", "api")["change"], "update");
    let changed = world.up().ok();
    assert_eq!(changed.record("listener", "api")["change"], "updated");
    let now = &world.rules(WEB)[1];
    assert_eq!(now["RuleArn"], rule);
    assert_eq!(world.routes(WEB)[1], "/v2/* /v2 -> tg-api");
    world.is_as_wanted();
    world.app("api")["host"] = json!(["api.example.com"]); // now it is asked before the documents
    world.up().ok();
    assert_eq!(world.rules(WEB)[0]["RuleArn"], rule);
    world.is_as_wanted();
}

#[test]
fn an_app_gets_a_load_balancer_of_its_own_and_comes_back() {
    let mut world = three();
    world.up().ok();
    for field in ["behind", "path"] {
        world.app("api").as_object_mut().unwrap().remove(field);
    }
    world.up().ok();
    assert_eq!(world.load_balancers(), ["alb-api-production-pr1", WEB]);
    assert_eq!(world.routes(WEB), ["docs.example.com -> tg-docs"]);
    world.is_as_wanted();
    world.app("api")["behind"] = json!("web");
    world.app("api")["path"] = json!(["/api/*"]);
    world.up().ok();
    assert_eq!(world.load_balancers(), [WEB]);
    assert_eq!(
        world.routes(WEB),
        ["docs.example.com -> tg-docs", "/api/* -> tg-api"]
    );
    assert!(world.flows().iter().all(|flow| !flow.contains("alb-api")));
    world.is_as_wanted();
    world.down();
}

#[test]
fn another_port_moves_the_tasks_behind_it_as_behind_their_own() {
    let mut world = three();
    world.up().ok();
    world.app("api")["port"] = json!(9090);
    world.up().ok();
    let groups = world.aws.call("elbv2", "describe_target_groups", json!({}));
    let mut ports: Vec<u64> = list(&groups["TargetGroups"])
        .iter()
        .map(|one| one["Port"].as_u64().unwrap())
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [5000, 5000, 9090]);
    assert!(
        world
            .flows()
            .contains(&"alb-web 9090 to task-api".to_string())
    );
    assert!(
        !world
            .flows()
            .contains(&"alb-web 8080 to task-api".to_string())
    );
    world.is_as_wanted();
}

#[test]
fn what_somebody_did_to_a_rule_is_mended_and_a_rule_of_theirs_stays() {
    let world = three();
    world.up().ok();
    let of_api = || world.rules(WEB).last().unwrap()["RuleArn"].clone();
    let web = world.listener(WEB)["DefaultActions"][0]["TargetGroupArn"].clone();
    let call = |operation: &str, params: Value| {
        world.aws.call("elbv2", operation, params);
    };
    let to_web = json!([{"Type": "forward", "TargetGroupArn": web}]);
    call(
        "modify_rule",
        json!({"RuleArn": of_api(), "Actions": to_web}),
    );
    world.up().ok();
    assert_eq!(world.routes(WEB)[1], "/api/* -> tg-api");
    call(
        "set_rule_priorities",
        json!({"RulePriorities": [{"RuleArn": of_api(), "Priority": 49999}]}),
    );
    world.up().ok();
    assert_ne!(world.rules(WEB)[1]["Priority"], "49999");
    call("delete_rule", json!({"RuleArn": of_api()}));
    world.up().ok();
    assert_eq!(world.routes(WEB)[1], "/api/* -> tg-api");
    let theirs = json!({"ListenerArn": world.listener(WEB)["ListenerArn"], "Priority": 7,
        "Conditions": [{"Field": "path-pattern", "Values": ["/theirs"]}], "Actions": to_web});
    call("create_rule", theirs);
    let told = world.up().ok();
    assert!(
        told.stderr
            .contains("has rule 7 (path-pattern), which is none of ours"),
        "{}",
        told.stderr
    );
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(world.rules(WEB).len(), 3);
    world.down();
}

#[test]
fn whoever_goes_takes_nothing_of_the_others_along() {
    let world = three();
    world.up().ok();
    let only = |name: &str| {
        let kept = format!(
            r#"select(.type == "env" or ((.name | split("/") | last) == "{name}" and (.type | IN("app", "alb", "listener", "target_group", "service"))))"#
        );
        format!(
            "ls-env --env production-pr1 </dev/null | jq -c '{kept}' | rm-env --confirm production-pr1"
        )
    };
    let refused = world.aws.pipe(&only("web"));
    assert!(
        refused.stderr.contains("answers there as well"),
        "{}",
        refused.stderr
    );
    assert_eq!(world.load_balancers(), [WEB]);
    assert_eq!(world.routes(WEB).len(), 2);
    world.aws.pipe(&only("api")).ok();
    assert_eq!(world.routes(WEB), ["docs.example.com -> tg-docs"]);
    world.down();
}

#[test]
fn an_app_that_is_dropped_leaves_the_load_balancer_of_the_others() {
    let mut world = three();
    world.up().ok();
    world.apps.remove(1);
    let kept = world.up().ok();
    assert!(kept.stderr.contains("api"), "{}", kept.stderr);
    assert_eq!(world.routes(WEB).len(), 2);
    world.pruned().ok();
    assert_eq!(world.routes(WEB), ["docs.example.com -> tg-docs"]);
    world.is_as_wanted();
    world.down();
}

#[test]
fn what_cannot_be_shared_is_refused_before_the_first_call() {
    for (fields, why) in [
        (
            json!({"behind": "nobody", "path": ["/a"], "public": true}),
            "'nobody', which no app record names",
        ),
        (
            json!({"behind": "web", "path": ["/a"]}),
            "behind 'web', which is public",
        ),
        (
            json!({"behind": "web", "public": true}),
            "which requests are its own",
        ),
        (json!({"path": ["/a"], "public": true}), "say behind which"),
        (
            json!({"behind": "web", "path": ["a"], "public": true}),
            "no pattern of paths",
        ),
        (
            json!({"behind": "web", "path": ["/a"], "public": true, "deploy": "canary"}),
            "deployed rolling",
        ),
    ] {
        let aws = LocalAws::start();
        let stream = format!(
            "{ENV}\n{}\n{}\n",
            app("web", json!({"public": true})),
            app("api", fields)
        );
        let refused = aws.pipe_with(UP, &stream);
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
        assert_eq!(aws.changes(), Vec::<String>::new(), "{why}");
    }
}

#[test]
fn behind_whom_may_be_left_unsaid_where_there_is_one() {
    let mk_app =
        |stream: &str, args: &[&str]| tool_at(support::NOWHERE, "mk-app", args, stream.as_bytes());
    let web = app("web", json!({"public": true})).to_string() + "\n";
    let args = ["api", "--public", "--path", "/api/*"];
    let made = mk_app(&web, &args).ok();
    assert_eq!(made.record("app", "api")["behind"], "web");
    let two = web.clone() + &app("shop", json!({"public": true})).to_string() + "\n";
    let unclear = mk_app(&two, &args);
    assert!(
        unclear.stderr.contains("web, shop come before it"),
        "{}",
        unclear.stderr
    );
    assert!(unclear.stderr.contains("--behind"), "{}", unclear.stderr);
    let nobody = mk_app(&web, &["api", "--path", "/api/*"]);
    assert!(
        nobody.stderr.contains("no internal app"),
        "{}",
        nobody.stderr
    );
}
