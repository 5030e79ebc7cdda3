//! What each role may do, and who may assume it. Pure.
//!
//! That stands in `policies/`, one file for the trust and one for the permissions of each purpose,
//! with `${placeholders}`.

use plumbing::{App, Env, Error, Result, Source};
use serde_json::{Value, json};

use crate::document;
use crate::name::role_name;
use crate::placing::Placing;
use crate::purpose::Purpose;
use crate::secrets::AllFound;
use crate::statements;

/// How many characters a role's inline policies have together, without blanks (IAM quotas).
const LARGEST: usize = 10_240;

/// What a pipeline's role may do as well, where the source is deployed.
const DEPLOY: &str = include_str!("../policies/pipeline-deploy.json");

/// The two policy documents of a role.
pub struct Policies {
    /// Who may assume it, and when.
    pub trust: Value,
    /// What it may do.
    pub permissions: Value,
}

/// What the placeholders stand for.
type Values = Vec<(&'static str, String)>;

/// The policies of an app's execution role.
///
/// Errors: there is more to read than a role's policy can name.
pub fn of_app(env: &Env, app: &App, found: &AllFound) -> Result<Policies> {
    let log_group = env.log_group_name(&app.name);
    let mut values = common_values(env, &app.name);
    values.push(("log_group", log_group_arn(env, &log_group)));
    let mut policies = filled(Purpose::Execution, &values)?;
    let reading = statements::reading(env, app, found);
    document::add_statements(&mut policies.permissions, json!({"Statement": reading}));
    check_size(&policies, &app.name, "what its secrets and files take")?;
    Ok(policies)
}

/// The policies of the role of an app's tasks.
///
/// Errors: they are to do more than a role's policy can name.
pub fn of_tasks(env: &Env, app: &App) -> Result<Policies> {
    let mut policies = filled(Purpose::Task, &common_values(env, &app.name))?;
    let statements = statements::of_tasks(env, app);
    document::add_statements(&mut policies.permissions, json!({"Statement": statements}));
    check_size(&policies, &app.name, "what its allow and mounts take")?;
    Ok(policies)
}

/// The policies of the role by which ECS shifts an app's requests.
pub fn of_deployments(env: &Env, app: &App) -> Result<Policies> {
    let mut values = common_values(env, &app.name);
    values.push(("app", app.name.clone()));
    values.push(("environment", env.name.clone()));
    filled(Purpose::Deploy, &values)
}

fn check_size(policies: &Policies, app: &str, what: &str) -> Result<()> {
    let size = policies.permissions.to_string().len();
    if size <= LARGEST {
        return Ok(());
    }
    Err(Error::input(format!(
        "app '{app}': {what} makes a policy of {size} characters, more than the {LARGEST} that IAM takes of a role"
    )))
}

/// The policies of a role of a source. All that they name follows from names, but the connection,
/// which has an ID.
pub fn of_source(
    env: &Env,
    placing: &Placing,
    purpose: Purpose,
    source: &Source,
    connection: &str,
) -> Result<Policies> {
    let values = values_of_source(env, purpose, source, connection);
    let mut policies = filled(purpose, &values)?;
    if purpose == Purpose::Pipeline && source.deploy {
        let deploy = document::fill(DEPLOY, &values_of_deployment(env, placing, &source.name))?;
        document::add_statements(&mut policies.permissions, deploy);
    }
    Ok(policies)
}

fn filled(purpose: Purpose, values: &[(&str, String)]) -> Result<Policies> {
    let (trust, permissions) = templates(purpose);
    Ok(Policies {
        trust: document::fill(trust, values)?,
        permissions: document::fill(permissions, values)?,
    })
}

/// The trust and the permissions of a role.
fn templates(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Execution => (
            include_str!("../policies/execution-trust.json"),
            include_str!("../policies/execution.json"),
        ),
        // What an app's tasks may do follows from its record alone.
        Purpose::Task => (
            include_str!("../policies/execution-trust.json"),
            r#"{"Version": "2012-10-17", "Statement": []}"#,
        ),
        Purpose::Deploy => (
            include_str!("../policies/deploy-trust.json"),
            include_str!("../policies/deploy.json"),
        ),
        Purpose::Build => (
            include_str!("../policies/build-trust.json"),
            include_str!("../policies/build.json"),
        ),
        Purpose::Function => (
            include_str!("../policies/function-trust.json"),
            include_str!("../policies/function.json"),
        ),
        Purpose::Pipeline => (
            include_str!("../policies/pipeline-trust.json"),
            include_str!("../policies/pipeline.json"),
        ),
        Purpose::Events => (
            include_str!("../policies/events-trust.json"),
            include_str!("../policies/events.json"),
        ),
    }
}

fn common_values(env: &Env, name: &str) -> Values {
    let repository = env.repository_name(name);
    vec![
        ("account", env.account.clone()),
        ("region", env.region.clone()),
        ("partition", env.partition().to_string()),
        (
            "repository",
            env.arn("ecr", &format!("repository/{repository}")),
        ),
    ]
}

fn values_of_source(env: &Env, purpose: Purpose, source: &Source, connection: &str) -> Values {
    let name = &source.name;
    let log_group = match purpose {
        Purpose::Build => env.build_log_group_name(name),
        _ => env.function_log_group_name(name),
    };
    let bucket = format!("arn:{}:s3:::{}", env.partition(), env.bucket_name());
    let project = format!("project/{}", env.project_name(name));
    let function = format!("function:{}", env.function_name(name));
    let pipeline = env.pipeline_name(name);
    let rule = format!("rule/{}", env.rule_name(name));
    let mut values = common_values(env, name);
    values.extend([
        ("log_group", log_group_arn(env, &log_group)),
        ("bucket", bucket),
        ("project", env.arn("codebuild", &project)),
        ("function", env.arn("lambda", &function)),
        ("pipeline", env.arn("codepipeline", &pipeline)),
        ("rule", env.arn("events", &rule)),
        ("github", source.repository.clone()),
        (
            "codeconnections",
            arn_of_service(connection, "codeconnections"),
        ),
        (
            "codestar_connections",
            arn_of_service(connection, "codestar-connections"),
        ),
    ]);
    values
}

fn values_of_deployment(env: &Env, placing: &Placing, app: &str) -> Values {
    let cluster = env.cluster_name();
    let service = env.service_name(app);
    let family = env.family_name(app);
    let role = |purpose| placing.arn(env, &role_name(env, purpose, app));
    let ecs = |rest: String| env.arn("ecs", &rest);
    vec![
        ("cluster", ecs(format!("cluster/{cluster}"))),
        ("service", ecs(format!("service/{cluster}/{service}"))),
        ("tasks", ecs(format!("task/{cluster}/*"))),
        (
            "container_instances",
            ecs(format!("container-instance/{cluster}/*")),
        ),
        ("family", ecs(format!("task-definition/{family}"))),
        ("execution_role", role(Purpose::Execution)),
        ("task_role", role(Purpose::Task)),
    ]
}

fn log_group_arn(env: &Env, log_group: &str) -> String {
    env.arn("logs", &format!("log-group:{log_group}"))
}

/// A connection's ARN under one of the two names of its service: an ARN may have either, and so may
/// what AWS asks IAM.
fn arn_of_service(connection: &str, service: &str) -> String {
    let mut fields: Vec<&str> = connection.split(':').collect();
    if let Some(field) = fields.get_mut(2) {
        *field = service;
    }
    fields.join(":")
}
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";

    fn env() -> Env {
        Env::example()
    }

    fn of_web() -> Policies {
        let web = serde_json::from_value(json!({"name": "web"})).unwrap();
        of_app(&env(), &web, &AllFound::new()).unwrap()
    }

    fn source(deploy: bool) -> Source {
        serde_json::from_value(json!({"name": "web", "repository": "owner/web", "deploy": deploy}))
            .unwrap()
    }

    fn of(purpose: Purpose) -> Policies {
        of_source(
            &env(),
            &Placing::default(),
            purpose,
            &source(false),
            CONNECTION,
        )
        .unwrap()
    }

    /// Every field that a statement may have. Another would hide a right from these tests.
    const FIELDS: [&str; 6] = [
        "Sid",
        "Effect",
        "Action",
        "Resource",
        "Condition",
        "Principal",
    ];

    /// A statement of a policy.
    #[derive(Debug, PartialEq)]
    struct Right {
        effect: String,
        actions: Vec<String>,
        resource: Value,
        condition: Value,
    }

    /// What allows actions on a resource without a condition.
    fn allows(actions: &[&str], resource: Value) -> Right {
        Right {
            effect: "Allow".into(),
            actions: strings(actions),
            resource,
            condition: Value::Null,
        }
    }

    fn rights(policy: &Value) -> Vec<Right> {
        let mut rights = Vec::new();
        for statement in policy["Statement"].as_array().unwrap() {
            for field in statement.as_object().unwrap().keys() {
                assert!(FIELDS.contains(&field.as_str()), "{statement}");
            }
            rights.push(Right {
                effect: statement["Effect"].as_str().unwrap().into(),
                actions: words(&statement["Action"]),
                resource: statement["Resource"].clone(),
                condition: statement["Condition"].clone(),
            });
        }
        rights
    }

    /// A word, or each word of a list.
    fn words(value: &Value) -> Vec<String> {
        match value {
            Value::String(word) => vec![word.clone()],
            list => list
                .as_array()
                .unwrap()
                .iter()
                .map(|word| word.as_str().unwrap().to_string())
                .collect(),
        }
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn an_execution_role_pulls_one_image_and_writes_one_log_and_no_more() {
        let pull = [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ];
        let repository = "arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1";
        let log = ["logs:CreateLogStream", "logs:PutLogEvents"];
        let group = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web:*";
        assert_eq!(
            rights(&of_web().permissions),
            [
                allows(&["ecr:GetAuthorizationToken"], json!("*")),
                allows(&pull, json!(repository)),
                allows(&log, json!(group)),
            ]
        );
    }

    #[test]
    fn only_tasks_of_this_account_and_region_assume_an_execution_role() {
        let trust = of_web().trust;
        let condition = json!({
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
        });
        assert_eq!(
            rights(&trust),
            [Right {
                condition,
                ..allows(&["sts:AssumeRole"], Value::Null)
            }]
        );
        assert_eq!(
            trust["Statement"][0]["Principal"],
            json!({"Service": "ecs-tasks.amazonaws.com"})
        );
    }

    /// Every pair of action and resource that a policy allows.
    fn allowed(policy: &Value) -> Vec<String> {
        let mut pairs = Vec::new();
        for right in rights(policy) {
            assert_eq!(right.effect, "Allow");
            for action in &right.actions {
                for resource in words(&right.resource) {
                    pairs.push(format!("{action} {resource}"));
                }
            }
        }
        pairs
    }

    /// Each action with a resource.
    fn on(actions: &[&str], resource: &str) -> Vec<String> {
        actions
            .iter()
            .map(|action| format!("{action} {resource}"))
            .collect()
    }

    /// An action with a log group, and with its log streams.
    fn log(action: &str, group: &str) -> Vec<String> {
        vec![format!("{action} {group}"), format!("{action} {group}:*")]
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
            log("logs:CreateLogStream", group),
            log("logs:PutLogEvents", group),
        ];
        assert_eq!(allowed(&of(Purpose::Build).permissions), wanted.concat());
    }

    #[test]
    fn the_functions_role_tags_one_image_answers_the_pipeline_and_no_more() {
        let group =
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/function-web-production-pr1";
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
            log("logs:CreateLogStream", group),
            log("logs:PutLogEvents", group),
        ];
        assert_eq!(allowed(&of(Purpose::Function).permissions), wanted.concat());
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
        let permissions = of(Purpose::Pipeline).permissions;
        assert_eq!(allowed(&permissions), wanted.concat());
        let mut conditions: Vec<Value> = rights(&permissions)
            .into_iter()
            .map(|right| right.condition)
            .collect();
        conditions.retain(|condition| !condition.is_null());
        assert_eq!(
            conditions,
            [
                json!({"StringEquals": {"codeconnections:FullRepositoryId": "owner/web"}}),
                json!({"StringEquals": {"codestar-connections:FullRepositoryId": "owner/web"}})
            ]
        );
        let from_the_old = of_source(
            &env(),
            &Placing::default(),
            Purpose::Pipeline,
            &source(false),
            &old,
        )
        .unwrap();
        assert_eq!(
            from_the_old.permissions, permissions,
            "either spelling of the connection gives the same"
        );
    }

    #[test]
    fn the_events_role_starts_one_pipeline_and_no_more() {
        let pipeline = "arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1";
        assert_eq!(
            allowed(&of(Purpose::Events).permissions),
            on(&["codepipeline:StartPipelineExecution"], pipeline)
        );
    }

    #[test]
    fn only_what_aws_cannot_scope_is_on_every_resource_and_no_action_has_a_wildcard() {
        let all = Purpose::OF_A_SOURCE
            .map(|purpose| allowed(&of(purpose).permissions))
            .concat();
        let mut open = all.clone();
        open.retain(|pair| pair.ends_with(" *"));
        assert_eq!(
            open,
            [
                "ecr:GetAuthorizationToken *",
                "codepipeline:PutJobFailureResult *",
                "codepipeline:PutJobSuccessResult *"
            ]
        );
        for pair in &all {
            let action = pair.split(' ').next().unwrap();
            assert!(!action.contains('*'), "{all:?}");
        }
    }

    #[test]
    fn a_pipeline_that_deploys_may_update_one_service_and_pass_its_roles() {
        let of_team = Placing {
            before: "/team/".into(),
            boundary: None,
        };
        let deploying = |placing: &Placing| {
            of_source(
                &env(),
                placing,
                Purpose::Pipeline,
                &source(true),
                CONNECTION,
            )
            .unwrap()
        };
        let elsewhere = deploying(&of_team).permissions.to_string();
        assert_eq!(elsewhere.matches(":role/team/plumbline/").count(), 2);
        let deploying = deploying(&Placing::default());
        let before = allowed(&of(Purpose::Pipeline).permissions);
        let after = allowed(&deploying.permissions);
        assert_eq!(after[..before.len()], before);
        let more = &after[before.len()..];
        let service = "arn:aws:ecs:us-east-1:123456789012:service/cluster-production-pr1/service-web-production-pr1";
        assert!(
            more.contains(&format!("ecs:UpdateService {service}")),
            "{more:?}"
        );
        for purpose in ["execution", "task"] {
            let role = format!(
                "arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-{purpose}-web-us-east-1-production-pr1"
            );
            assert!(more.contains(&format!("iam:PassRole {role}")), "{more:?}");
        }
        let mut open = more.to_vec();
        open.retain(|pair| pair.ends_with(" *"));
        assert_eq!(open, ["ecs:DescribeTaskDefinition *"]);
        assert!(deploying.permissions.to_string().len() <= 10240);
    }

    #[test]
    fn each_role_of_a_source_is_for_one_service_and_one_resource_of_it() {
        // CodePipeline's and Lambda's guides do not say that these send what is asked for: where they do
        // not, the condition holds.
        for (purpose, service, arn, if_exists) in [
            (
                Purpose::Build,
                "codebuild",
                Some("codebuild:us-east-1:123456789012:project/build-web-production-pr1"),
                "",
            ),
            (Purpose::Function, "lambda", None, "IfExists"),
            (
                Purpose::Pipeline,
                "codepipeline",
                Some("codepipeline:us-east-1:123456789012:pipeline-web-production-pr1"),
                "IfExists",
            ),
            (
                Purpose::Events,
                "events",
                Some("events:us-east-1:123456789012:rule/rule-web-production-pr1"),
                "",
            ),
        ] {
            let statement = &of(purpose).trust["Statement"][0];
            assert_eq!(
                statement["Principal"],
                json!({"Service": format!("{service}.amazonaws.com")})
            );
            let mut condition = json!({
                format!("StringEquals{if_exists}"): {"aws:SourceAccount": "123456789012"},
            });
            if let Some(arn) = arn {
                condition[format!("ArnLike{if_exists}")] =
                    json!({"aws:SourceArn": format!("arn:aws:{arn}")});
            }
            assert_eq!(statement["Condition"], condition, "{purpose:?}");
        }
    }
}
