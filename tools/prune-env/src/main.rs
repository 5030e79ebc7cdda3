//! Shrinks an environment at the end of a pipe, when everything before it is healthy: takes away what
//! a change has left over of things that are in the stream, and names what no record wants any more.
//! With `--confirm` it deletes that too.
//!
//! It judges only what the tools of the pipe saw: each writes a `surplus` or an `unwanted` record. It
//! knows no AWS itself: each tool's crate takes its own away, after looking again.

use clap::Parser;
use ls_env::OWNERS;
use plumbing::{
    App, Aws, Change, Error, Kind, Listener, Owner, Record, Result, Source, Stream, Surplus,
    Unwanted, Vpc, Wishes, is_deployed, is_own_role,
};

/// Take away what nothing in the stream wants any more
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 … | mk-ecs-svc | wait-env | prune-env\n\
    \x20 … | mk-ecs-svc | wait-env | prune-env --confirm production-pr123")]
struct Args {
    /// Delete also what no record wants, such as a dropped app: the environment's name, as a sign
    /// that you mean it
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// Who takes its surplus away last: a service loses the mark that it is scaled when it no longer is, and
/// a security group forgets when nothing uses it.
const LAST: [&str; 2] = ["mk-ecs-svc", "mk-sg"];
/// Its resources are of no app.
const NETWORK: &str = "mk-vpc";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(&rm_env::policy(), run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    if let Some(other) = args.confirm.as_ref().filter(|name| **name != env.name) {
        let name = &env.name;
        return Err(Error::usage(format!(
            "--confirm {other} is not the environment on stdin, {name}"
        )));
    }
    let records = stream.all().await?;
    if stream.upstream_failed() {
        return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
    }
    let surplus: Vec<Surplus> = records.iter().filter_map(Record::typed).collect();
    let unwanted = unwanted(&records);
    let confirmed = args.confirm.is_some();
    if !confirmed {
        name_unwanted(&stream, &unwanted);
    }
    if env.plan {
        return announce(&stream, surplus, unwanted, confirmed).await;
    }
    if surplus.is_empty() && (unwanted.is_empty() || !confirmed) {
        return Ok(());
    }
    let aws = Aws::connect(&stream, &env).await?;
    aws.control.wait_for_account().await?;
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let listeners: Vec<Listener> = records.iter().filter_map(Record::typed).collect();
    let vpcs = records.iter().filter_map(Record::typed::<Vpc>);
    let left: Vec<String> = vpcs.flat_map(|vpc| vpc.left_subnets).collect();
    mk_ecs_svc::wait_settled(&aws, &apps, &listeners, &left).await?;
    let subnets = named(&unwanted, "subnet", "id");
    if confirmed && !subnets.is_empty() {
        let going = named(&unwanted, "service", "name");
        mk_ecs_svc::check_left(&aws, &subnets, &going).await?;
    }
    prune(&stream, &aws, &records).await?;
    if confirmed && !unwanted.is_empty() {
        let records: Vec<Record> = unwanted.into_iter().map(|one| one.record).collect();
        rm_env::delete(&stream, &aws, &records).await?;
    }
    Ok(())
}

/// What no record wants. What the stream does want is not among it, whatever a saved or forged line
/// says. Parts of the network are of no app: mk-vpc alone tells of them.
fn unwanted(records: &[Record]) -> Vec<Unwanted> {
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let sources: Vec<Source> = records.iter().filter_map(Record::typed).collect();
    let wishes = Wishes::of(&apps, &sources);
    let mut unwanted: Vec<Unwanted> = records.iter().filter_map(Record::typed).collect();
    unwanted.retain(|one| {
        if is_own_role(&one.record) && may_be_in_use(records, &apps, &one.record) {
            return false;
        }
        let owner = owner_of(&one.record);
        owner.is_some_and(|owner| owner.tool == NETWORK || wishes.drop(owner.half, &one.record))
    });
    unwanted
}

/// Whether an app that is wanted may still have a role: where mk-ecs-svc did not stand in the pipe, its task
/// definition or its service may name it.
fn may_be_in_use(records: &[Record], apps: &[App], role: &Record) -> bool {
    let name = role.name().rsplit('/').next().unwrap_or_default();
    apps.iter().any(|app| app.name == name) && !is_deployed(records, name)
}

/// What a field says of the unwanted of a type.
fn named(unwanted: &[Unwanted], kind: &str, field: &str) -> Vec<String> {
    let of_kind = unwanted.iter().filter(|one| one.record.kind() == kind);
    of_kind
        .map(|one| one.record.text(field).to_string())
        .collect()
}

fn owner_of(record: &Record) -> Option<&'static Owner> {
    let owns = |owner: &&&Owner| {
        let mut deletions = owner.deletions.iter();
        deletions.any(|deletion| deletion.kinds.contains(&record.kind()))
    };
    OWNERS.iter().find(owns).copied()
}

/// Names what no record wants, one line each. It stays, and runs on.
fn name_unwanted(stream: &Stream, unwanted: &[Unwanted]) {
    for one in unwanted {
        let kind = one.record.kind().replace('_', " ");
        let name = one.record.name();
        let line = format!("no record wants {kind} {name} any more; it stays until it is pruned");
        stream.voice.say(&line);
    }
}

/// Writes what a run would take away.
async fn announce(
    stream: &Stream,
    surplus: Vec<Surplus>,
    unwanted: Vec<Unwanted>,
    confirmed: bool,
) -> Result<()> {
    for one in surplus {
        let record = Record::of(&one).changed(Change::Delete, &[]);
        stream.write(record).await?;
    }
    if confirmed {
        for one in unwanted {
            stream
                .write(one.record.changed(Change::Delete, &[]))
                .await?;
        }
    }
    Ok(())
}

/// Has each tool take its own surplus away.
async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let (last, first): (Vec<&Owner>, Vec<&Owner>) = OWNERS
        .into_iter()
        .partition(|owner| LAST.contains(&owner.tool));
    for owners in [first, last] {
        stream
            .control
            .try_all(owners, async |owner| match owner.prune {
                Some(prune) => prune(stream, aws, records).await,
                None => Ok(()),
            })
            .await?;
    }
    Ok(())
}
