//! What each role is for, and what it may do. Pure.
//!
//! What a role may do stands in `policies/`, one file for the trust and one for the permissions of
//! each kind of role, with `${placeholders}`.

use plumbing::name::ROLE_LIMIT;
use plumbing::{Env, Result, Source};
use serde_json::Value;

use crate::document;
use crate::plan::arn;

/// The tag that says which role it is, `execution/web`: a name may be cut.
pub const ROLE: &str = "plumbline:role";

/// A role as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its record's name: `execution/web`.
    pub name: String,
    /// Its name in IAM.
    pub role: String,
    /// What it is for, in ASCII.
    pub description: String,
    /// Who may assume it, and when.
    pub trust: Value,
    /// The name of its inline policy.
    pub policy_name: &'static str,
    /// What it may do.
    pub policy: Value,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// What a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECS pulls an app's image with it and writes its log. An image from a registry that is not
    /// ECR's needs no right at all.
    Execution,
    /// CodeBuild builds a source with it and pushes the image.
    Build,
    /// Lambda tags with it what was built, and answers the pipeline.
    Function,
    /// CodePipeline runs a source's pipeline with it.
    Pipeline,
    /// EventBridge starts a source's pipeline with it.
    Events,
}

impl Kind {
    /// What the names of record, role and inline policy say.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Execution => "execution",
            Kind::Build => "build",
            Kind::Function => "function",
            Kind::Pipeline => "pipeline",
            Kind::Events => "events",
        }
    }

    /// Who may assume it, and what it may do.
    fn templates(self) -> (&'static str, &'static str) {
        match self {
            Kind::Execution => (
                include_str!("../policies/execution-trust.json"),
                include_str!("../policies/execution.json"),
            ),
            Kind::Build => (
                include_str!("../policies/build-trust.json"),
                include_str!("../policies/build.json"),
            ),
            Kind::Function => (
                include_str!("../policies/function-trust.json"),
                include_str!("../policies/function.json"),
            ),
            Kind::Pipeline => (
                include_str!("../policies/pipeline-trust.json"),
                include_str!("../policies/pipeline.json"),
            ),
            Kind::Events => (
                include_str!("../policies/events-trust.json"),
                include_str!("../policies/events.json"),
            ),
        }
    }

    fn description(self, name: &str, env: &str) -> String {
        match self {
            Kind::Execution => format!("Pulls the image and writes the log of {name} in {env}"),
            Kind::Build => format!("Builds {name} and pushes its image in {env}"),
            Kind::Function => format!("Tags the image of {name} that was built in {env}"),
            Kind::Pipeline => format!("Runs the pipeline of {name} in {env}"),
            Kind::Events => format!("Starts the pipeline of {name} in {env}"),
        }
    }
}

/// A role's name in IAM. Roles are the account's, not the region's: two environments of one name
/// differ in the region.
pub fn role_name(env: &Env, kind: Kind, name: &str) -> String {
    env.named(
        "role",
        &format!("{}-{name}-{}", kind.word(), env.region),
        ROLE_LIMIT,
    )
}

/// The role of an app.
pub fn of_app(env: &Env, app: &str) -> Result<Want> {
    let log_group = env.arn("logs", &format!("log-group:{}", env.log_group_name(app)));
    want(env, Kind::Execution, app, &[("log_group", log_group)])
}

/// A role of a source. All it names follows from names, but the connection, which has an ID.
pub fn of_source(env: &Env, kind: Kind, source: &Source, connection: &str) -> Result<Want> {
    let name = &source.name;
    let log_group = match kind {
        Kind::Build => env.build_log_group_name(name),
        _ => env.function_log_group_name(name),
    };
    let cluster = env.cluster_name();
    let values = [
        (
            "log_group",
            env.arn("logs", &format!("log-group:{log_group}")),
        ),
        (
            "bucket",
            format!("arn:{}:s3:::{}", env.partition(), env.bucket_name()),
        ),
        (
            "project",
            env.arn("codebuild", &format!("project/{}", env.project_name(name))),
        ),
        (
            "function",
            env.arn("lambda", &format!("function:{}", env.function_name(name))),
        ),
        (
            "pipeline",
            env.arn("codepipeline", &env.pipeline_name(name)),
        ),
        (
            "rule",
            env.arn("events", &format!("rule/{}", env.rule_name(name))),
        ),
        ("github", source.repository.clone()),
        ("codeconnections", spelled(connection, "codeconnections")),
        (
            "codestar_connections",
            spelled(connection, "codestar-connections"),
        ),
        ("cluster", env.arn("ecs", &format!("cluster/{cluster}"))),
        (
            "service",
            env.arn(
                "ecs",
                &format!("service/{cluster}/{}", env.service_name(name)),
            ),
        ),
        ("tasks", env.arn("ecs", &format!("task/{cluster}/*"))),
        (
            "container_instances",
            env.arn("ecs", &format!("container-instance/{cluster}/*")),
        ),
        (
            "family",
            env.arn("ecs", &format!("task-definition/{}", env.family_name(name))),
        ),
        (
            "execution_role",
            arn(env, &role_name(env, Kind::Execution, name)),
        ),
    ];
    let mut want = want(env, kind, name, &values)?;
    if kind == Kind::Pipeline && source.deploy {
        let mut more = filled(
            env,
            name,
            include_str!("../policies/pipeline-deploy.json"),
            &values,
        )?;
        let statements = want.policy["Statement"].as_array_mut();
        statements
            .zip(more["Statement"].as_array_mut())
            .into_iter()
            .for_each(|(all, more)| all.append(more));
    }
    Ok(want)
}

/// A connection's ARN under one of the service's two names: an ARN may have either, and so may what
/// AWS asks IAM.
fn spelled(connection: &str, service: &str) -> String {
    let mut fields: Vec<&str> = connection.split(':').collect();
    if let Some(field) = fields.get_mut(2) {
        *field = service;
    }
    fields.join(":")
}

fn want(env: &Env, kind: Kind, name: &str, values: &[(&str, String)]) -> Result<Want> {
    let (trust, policy) = kind.templates();
    let role = role_name(env, kind, name);
    let record = format!("{}/{name}", kind.word());
    let mut tags = env.tags_of(&role);
    tags.push((ROLE.into(), record.clone()));
    Ok(Want {
        description: kind.description(name, &env.name),
        trust: filled(env, name, trust, values)?,
        policy_name: kind.word(),
        policy: filled(env, name, policy, values)?,
        name: record,
        role,
        tags,
    })
}

fn filled(env: &Env, name: &str, template: &str, values: &[(&str, String)]) -> Result<Value> {
    let repository = env.arn("ecr", &format!("repository/{}", env.repository_name(name)));
    let mut all = vec![
        ("account", env.account.as_str()),
        ("region", &env.region),
        ("partition", env.partition()),
        ("repository", &repository),
    ];
    all.extend(values.iter().map(|(key, value)| (*key, value.as_str())));
    document::fill(template, &all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::path;
    use serde_json::json;

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn want() -> Want {
        of_app(&env(), "web").unwrap()
    }

    /// Every statement as effect, actions, resource and condition: nothing hides in another field.
    fn rights(policy: &Value) -> Vec<(String, Vec<String>, Value, Value)> {
        let words = |value: &Value| match value {
            Value::String(word) => vec![word.clone()],
            list => list
                .as_array()
                .unwrap()
                .iter()
                .map(|word| word.as_str().unwrap().to_string())
                .collect(),
        };
        let statements = policy["Statement"].as_array().unwrap().iter();
        statements
            .map(|s| {
                let known = [
                    "Sid",
                    "Effect",
                    "Action",
                    "Resource",
                    "Condition",
                    "Principal",
                ];
                assert!(
                    s.as_object()
                        .unwrap()
                        .keys()
                        .all(|key| known.contains(&key.as_str())),
                    "{s}"
                );
                (
                    s["Effect"].as_str().unwrap().into(),
                    words(&s["Action"]),
                    s["Resource"].clone(),
                    s["Condition"].clone(),
                )
            })
            .collect()
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn an_execution_role_pulls_one_image_and_writes_one_log_and_no_more() {
        let allow = || "Allow".to_string();
        assert_eq!(
            rights(&want().policy),
            [
                (
                    allow(),
                    strings(&["ecr:GetAuthorizationToken"]),
                    json!("*"),
                    Value::Null
                ),
                (
                    allow(),
                    strings(&[
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:GetDownloadUrlForLayer"
                    ]),
                    json!("arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1"),
                    Value::Null
                ),
                (
                    allow(),
                    strings(&["logs:CreateLogStream", "logs:PutLogEvents"]),
                    json!(
                        "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web:*"
                    ),
                    Value::Null
                ),
            ]
        );
    }

    #[test]
    fn only_tasks_of_this_account_and_region_assume_an_execution_role() {
        let trust = want().trust;
        let condition = json!({
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
        });
        assert_eq!(
            rights(&trust),
            [(
                "Allow".to_string(),
                strings(&["sts:AssumeRole"]),
                Value::Null,
                condition
            )]
        );
        assert_eq!(
            trust["Statement"][0]["Principal"],
            json!({"Service": "ecs-tasks.amazonaws.com"})
        );
    }

    const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";
    const PIPELINES: [Kind; 4] = [Kind::Build, Kind::Function, Kind::Pipeline, Kind::Events];

    fn source(deploy: bool) -> Source {
        serde_json::from_value(json!({"name": "web", "repository": "owner/web", "deploy": deploy}))
            .unwrap()
    }

    fn of(kind: Kind) -> Want {
        of_source(&env(), kind, &source(false), CONNECTION).unwrap()
    }

    /// Every pair of action and resource that a policy allows.
    fn allowed(policy: &Value) -> Vec<String> {
        let words = |value: Value| match value {
            Value::Array(list) => list
                .iter()
                .map(|word| word.as_str().unwrap().to_string())
                .collect(),
            one => strings(&[one.as_str().unwrap()]),
        };
        let pairs = rights(policy)
            .into_iter()
            .flat_map(|(effect, actions, resource, _)| {
                assert_eq!(effect, "Allow");
                let resources = words(resource);
                actions.into_iter().flat_map(move |action| {
                    resources
                        .clone()
                        .into_iter()
                        .map(move |resource| format!("{action} {resource}"))
                        .collect::<Vec<_>>()
                })
            });
        pairs.collect()
    }

    fn on(actions: &[&str], resource: &str) -> Vec<String> {
        actions
            .iter()
            .map(|action| format!("{action} {resource}"))
            .collect()
    }

    #[test]
    fn the_build_role_pushes_one_image_and_no_more() {
        let push = [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ];
        let bucket = "arn:aws:s3:::bucket-123456789012-us-east-1-production-pr1";
        let group =
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/codebuild/build-web-production-pr1";
        let log = |action: &str| [format!("{action} {group}"), format!("{action} {group}:*")];
        let wanted = [
            on(&["ecr:GetAuthorizationToken"], "*"),
            on(
                &push,
                "arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1",
            ),
            on(
                &["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
                &format!("{bucket}/*"),
            ),
            on(&["s3:GetBucketAcl", "s3:GetBucketLocation"], bucket),
            log("logs:CreateLogStream").to_vec(),
            log("logs:PutLogEvents").to_vec(),
        ];
        assert_eq!(allowed(&of(Kind::Build).policy), wanted.concat());
    }

    #[test]
    fn the_functions_role_tags_one_image_answers_the_pipeline_and_no_more() {
        let group =
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/function-web-production-pr1";
        let log = |action: &str| [format!("{action} {group}"), format!("{action} {group}:*")];
        let wanted = [
            on(
                &["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:PutImage"],
                "arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1",
            ),
            on(
                &[
                    "codepipeline:PutJobFailureResult",
                    "codepipeline:PutJobSuccessResult",
                ],
                "*",
            ),
            log("logs:CreateLogStream").to_vec(),
            log("logs:PutLogEvents").to_vec(),
        ];
        assert_eq!(allowed(&of(Kind::Function).policy), wanted.concat());
    }

    #[test]
    fn the_pipelines_role_reads_one_repository_builds_and_tags_and_no_more() {
        let bucket = "arn:aws:s3:::bucket-123456789012-us-east-1-production-pr1";
        let old = CONNECTION.replace("codeconnections", "codestar-connections");
        let wanted = [
            on(
                &["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
                &format!("{bucket}/*"),
            ),
            on(
                &[
                    "s3:GetBucketAcl",
                    "s3:GetBucketLocation",
                    "s3:GetBucketVersioning",
                ],
                bucket,
            ),
            on(&["codeconnections:UseConnection"], CONNECTION),
            on(&["codeconnections:UseConnection"], &old),
            on(&["codestar-connections:UseConnection"], CONNECTION),
            on(&["codestar-connections:UseConnection"], &old),
            on(
                &["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
                "arn:aws:codebuild:us-east-1:123456789012:project/build-web-production-pr1",
            ),
            on(
                &["lambda:InvokeFunction"],
                "arn:aws:lambda:us-east-1:123456789012:function:function-web-production-pr1",
            ),
        ];
        let policy = of(Kind::Pipeline).policy;
        assert_eq!(allowed(&policy), wanted.concat());
        let conditions: Vec<Value> = rights(&policy)
            .into_iter()
            .map(|(.., c)| c)
            .filter(|c| !c.is_null())
            .collect();
        assert_eq!(
            conditions,
            [
                json!({"StringEquals": {"codeconnections:FullRepositoryId": "owner/web"}}),
                json!({"StringEquals": {"codestar-connections:FullRepositoryId": "owner/web"}})
            ]
        );
        let from_the_old = of_source(&env(), Kind::Pipeline, &source(false), &old).unwrap();
        assert_eq!(
            from_the_old.policy, policy,
            "either spelling of the connection gives the same"
        );
    }

    #[test]
    fn the_events_role_starts_one_pipeline_and_no_more() {
        let pipeline = "arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1";
        assert_eq!(
            allowed(&of(Kind::Events).policy),
            on(&["codepipeline:StartPipelineExecution"], pipeline)
        );
    }

    #[test]
    fn only_what_aws_cannot_scope_is_on_every_resource_and_no_action_has_a_wildcard() {
        let all: Vec<String> = PIPELINES
            .iter()
            .flat_map(|kind| allowed(&of(*kind).policy))
            .collect();
        let open: Vec<&str> = all
            .iter()
            .filter(|pair| pair.ends_with(" *"))
            .map(String::as_str)
            .collect();
        assert_eq!(
            open,
            [
                "ecr:GetAuthorizationToken *",
                "codepipeline:PutJobFailureResult *",
                "codepipeline:PutJobSuccessResult *"
            ]
        );
        assert!(
            all.iter()
                .all(|pair| !pair.split(' ').next().unwrap().contains('*')),
            "{all:?}"
        );
    }

    #[test]
    fn a_pipeline_that_deploys_may_update_one_service_and_pass_one_role() {
        let want = of_source(&env(), Kind::Pipeline, &source(true), CONNECTION).unwrap();
        let before = allowed(&of(Kind::Pipeline).policy);
        let after = allowed(&want.policy);
        assert_eq!(after[..before.len()], before);
        let more: Vec<&str> = after[before.len()..].iter().map(String::as_str).collect();
        let service = "arn:aws:ecs:us-east-1:123456789012:service/cluster-production-pr1/service-web-production-pr1";
        assert!(
            more.contains(&format!("ecs:UpdateService {service}").as_str()),
            "{more:?}"
        );
        let role = "arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1";
        assert!(
            more.contains(&format!("iam:PassRole {role}").as_str()),
            "{more:?}"
        );
        let open: Vec<&&str> = more.iter().filter(|pair| pair.ends_with(" *")).collect();
        assert_eq!(open, [&"ecs:DescribeTaskDefinition *"]);
        assert!(want.policy.to_string().len() <= 10240);
    }

    #[test]
    fn each_role_of_a_source_is_for_one_service_and_one_resource_of_it() {
        for (kind, service, arn) in [
            (
                Kind::Build,
                "codebuild",
                Some("codebuild:us-east-1:123456789012:project/build-web-production-pr1"),
            ),
            (Kind::Function, "lambda", None),
            (
                Kind::Pipeline,
                "codepipeline",
                Some("codepipeline:us-east-1:123456789012:pipeline-web-production-pr1"),
            ),
            (
                Kind::Events,
                "events",
                Some("events:us-east-1:123456789012:rule/rule-web-production-pr1"),
            ),
        ] {
            let statement = &of(kind).trust["Statement"][0];
            assert_eq!(
                statement["Principal"],
                json!({"Service": format!("{service}.amazonaws.com")})
            );
            let condition = arn.map(|arn| {
                json!({
                    "StringEquals": {"aws:SourceAccount": "123456789012"},
                    "ArnLike": {"aws:SourceArn": format!("arn:aws:{arn}")},
                })
            });
            assert_eq!(statement.get("Condition"), condition.as_ref(), "{kind:?}");
        }
    }

    #[test]
    fn other_partitions_have_their_own_arns() {
        let env = Env {
            region: "cn-north-1".into(),
            ..env()
        };
        let want = of_app(&env, "web").unwrap();
        assert!(
            !format!("{} {} {}", want.trust, want.policy, arn(&env, &want.role))
                .contains("arn:aws:")
        );
    }

    #[test]
    fn the_policies_fit_what_iam_takes_also_with_the_longest_names() {
        let suffix = "s".repeat(32);
        let env = Env {
            name: format!("{}-{suffix}", "e".repeat(32)),
            suffix,
            region: "ap-southeast-1".into(),
            ..env()
        };
        let long = Source {
            name: "a".repeat(32),
            repository: format!("{}/{}", "o".repeat(100), "r".repeat(100)),
            ..source(true)
        };
        let mut wants = vec![of_app(&env, &long.name).unwrap()];
        wants.extend(PIPELINES.map(|kind| of_source(&env, kind, &long, CONNECTION).unwrap()));
        for want in &wants {
            assert_eq!(want.role.len(), ROLE_LIMIT);
            assert!(want.trust.to_string().len() <= 2048 && want.policy.to_string().len() <= 10240);
            assert!(want.description.is_ascii() && want.description.len() <= 1000);
        }
        assert!(path(&env).len() <= 512);
    }
}
