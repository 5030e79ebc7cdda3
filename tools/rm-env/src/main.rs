//! Deletes what is on stdin, dependents first and the rest side by side. It knows no AWS itself:
//! each tool's crate deletes its own, after looking again whether it carries the identity tag.

use clap::Parser;
use plumbing::{Aws, Change, Env, Error, Kind, Record, Result, Stream};
use tokio::join;

/// Delete the resources on stdin
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The environment's name, as a sign that you mean it
    #[arg(long, value_name = "NAME", required_unless_present = "plan")]
    confirm: Option<String>,
    /// Tell what would be deleted, and delete nothing
    #[arg(long)]
    plan: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(&policy(), run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let mut env = stream.env().await?;
    if let Some(other) = args.confirm.filter(|name| *name != env.name) {
        return Err(Error::usage(format!(
            "--confirm {other} is not the environment on stdin, {}",
            env.name
        )));
    }
    if args.plan && !env.plan {
        env.plan = true; // for what comes after it in the pipe as well
        stream.write(Record::of(&env)).await?;
    }
    // All of it first: a list that ends in the middle would have the network go before its users.
    let records: Vec<Record> = stream
        .all()
        .await?
        .into_iter()
        .filter(Record::is_resource)
        .collect();
    if stream.upstream_failed() {
        return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
    }
    if records.is_empty() {
        stream.voice.say("nothing to delete");
        return Ok(());
    }
    if env.plan {
        for record in records.into_iter().filter(goes) {
            stream.write(record.changed(Change::Delete, &[])).await?;
        }
        return Ok(());
    }
    let aws = Aws::connect(&stream, &env).await?;
    stream.control.wait_for_account().await?;
    delete(&stream, &aws, &env, &records).await
}

/// Whether a record is of something that a run deletes; what was adopted stays.
fn goes(record: &Record) -> bool {
    #[rustfmt::skip]
    const KINDS: [&str; 22] = [
        "service", "task_definition", "cluster", "rule", "pipeline", "build", "function", "alb", "listener",
        "target_group", "sg", "repo", "role", "log_group", "bucket", "connection", "nat_gateway", "elastic_ip",
        "route_table", "subnet", "internet_gateway", "vpc",
    ];
    KINDS.contains(&record.kind()) && record.0.get("adopted") != Some(&true.into())
}

/// What runs goes first: services, whose tasks must have ended, and beside them the pipelines with
/// what they start. Then, side by side, what those used: load balancers and groups, roles,
/// repositories, logs, the bucket, the connection, the way out. Then the network.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let (services, pipelines) = join!(
        mk_ecs_svc::delete(stream, aws, env, records),
        pipelines(stream, aws, env, records)
    );
    services.and(pipelines)?;
    let inward = async {
        mk_alb::delete(stream, aws, env, records).await?;
        // A group that someone else uses keeps the VPC, and neither keeps the rest.
        Ok(mk_sg::delete(stream, aws, env, records).await)
    };
    let (inward, outward, repositories, roles, logs, buckets, connections) = join!(
        inward,
        mk_vpc::delete_egress(stream, aws, env, records),
        mk_ecr::delete(stream, aws, env, records),
        mk_role::delete(stream, aws, env, records),
        mk_logs::delete(stream, aws, env, records),
        mk_bucket::delete(stream, aws, env, records),
        mk_connection::delete(stream, aws, env, records)
    );
    let network = match (&inward, &outward) {
        (Ok(_), Ok(())) => mk_vpc::delete(stream, aws, env, records).await,
        _ => Ok(()), // the network waits for the next run, with what still stands in it
    };
    let results = [
        inward.and_then(|groups| groups),
        outward,
        repositories,
        roles,
        logs,
        buckets,
        connections,
        network,
    ];
    let mut errors = results.into_iter().filter_map(Result::err);
    let Some(first) = errors.next() else {
        return Ok(());
    };
    errors
        .filter(|other| *other != first)
        .for_each(|other| stream.voice.error(&other));
    Err(first)
}

/// From the front, so that nothing starts anew: what starts a pipeline, the pipeline with its runs,
/// then the builds and functions that a run may have left at work.
async fn pipelines(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    mk_rule::delete(stream, aws, env, records).await?;
    mk_pipeline::delete(stream, aws, env, records).await?;
    let (builds, functions) = join!(
        mk_build::delete(stream, aws, env, records),
        mk_fn::delete(stream, aws, env, records)
    );
    builds.and(functions)
}

/// The tools' own policies in one: every statement, under the tool's name.
fn policy() -> String {
    let tools = [
        ("Vpc", mk_vpc::POLICY),
        ("Sg", mk_sg::POLICY),
        ("Alb", mk_alb::POLICY),
        ("Ecr", mk_ecr::POLICY),
        ("Role", mk_role::POLICY),
        ("Logs", mk_logs::POLICY),
        ("Svc", mk_ecs_svc::POLICY),
        ("Connection", mk_connection::POLICY),
        ("Bucket", mk_bucket::POLICY),
        ("Build", mk_build::POLICY),
        ("Fn", mk_fn::POLICY),
        ("Pipeline", mk_pipeline::POLICY),
        ("Rule", mk_rule::POLICY),
    ];
    let mut statements = Vec::new();
    for (tool, policy) in tools {
        let mut policy: serde_json::Value = serde_json::from_str(policy).unwrap_or_default();
        for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
            let sid = statement["Sid"].as_str().unwrap_or_default();
            statement["Sid"] = format!("{tool}{sid}").into();
            let creates = |action: &serde_json::Value| {
                action
                    .as_str()
                    .is_some_and(|action| action.contains(":Create"))
            };
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.retain(|action| !creates(action));
            }
            let nothing = statement["Action"].as_array().is_some_and(Vec::is_empty)
                || creates(&statement["Action"]);
            if !nothing {
                statements.push(statement.take());
            }
        }
    }
    format!(
        "{:#}\n",
        serde_json::json!({"Version": "2012-10-17", "Statement": statements})
    )
}
