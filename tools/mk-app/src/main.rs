//! Writes an `app` record: one service that is wanted. It calls nothing and knows no environment;
//! the tools that follow act on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod flags;

use clap::{Parser, ValueEnum};
use plumbing::{
    App, Balancing, Building, Container, Deploy, Error, HealthCheck, Reach, Record, RecordType,
    Result, Rights, Scale, Secrets, Sharing, Stream, any_number, whole,
};

use flags::Flags;

/// Write an app record that describes a service
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 mk-env production pr123 | mk-app web --public --context ./web | mk-vpc\n\
    \x20 mk-app api --health /status --set LOG=debug > api.ndjson")]
struct Args {
    /// What it is called: web
    name: String,
    /// The port on which its container listens
    #[arg(long, default_value_t = 5000, value_parser = whole::<u16>(1, 65535), help_heading = "How it is reached")]
    port: u16,
    /// Let the internet reach its load balancer, on port 80
    #[arg(long, help_heading = "How it is reached")]
    public: bool,
    /// It has no load balancer: it works on what it fetches itself
    #[arg(long, help_heading = "How it is reached")]
    worker: bool,
    /// An app whose load balancer it may reach; again for another
    #[arg(long, value_name = "APP", help_heading = "How it is reached")]
    calls: Vec<String>,
    /// The path that answers 200 while the app is well
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/",
        help_heading = "Whether it is well"
    )]
    health: String,
    /// An environment variable; {alb.api.dns} is filled in from records. KEY alone takes the value
    /// that this command has, so that it is in no list of processes
    #[arg(long, value_name = "KEY[=VALUE]", help_heading = "What it runs")]
    set: Vec<String>,
    /// A file of environment variables, one KEY=VALUE a line; --set comes before it
    #[arg(long, value_name = "FILE", help_heading = "What it runs")]
    set_from: Vec<PathBuf>,
    /// The image to run, where no image record says it
    #[arg(long, value_name = "REFERENCE", help_heading = "What it runs")]
    image: Option<String>,
    /// The directory on this machine that push-image builds its image from
    #[arg(long, value_name = "DIRECTORY", help_heading = "What it runs")]
    context: Option<String>,
    /// Fargate CPU units; 1024 are one vCPU
    #[arg(long, value_name = "UNITS", default_value_t = 256, value_parser = any_number(), help_heading = "Its size")]
    cpu: u32,
    /// Fargate memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = any_number(), help_heading = "Its size")]
    memory: u32,
    /// How many tasks run, spread over the zones
    #[arg(long, value_name = "TASKS", default_value_t = 2, value_parser = any_number(), help_heading = "Its size")]
    count: u32,
    /// How long after its start a task's failing health checks do not count
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = any_number(), help_heading = "Whether it is well")]
    grace: u32,
    /// A command that ECS runs in the container to see whether it is well, beside the load balancer
    #[arg(long, value_name = "COMMAND", value_parser = clap::builder::NonEmptyStringValueParser::new(), help_heading = "Whether it is well")]
    check: Option<String>,
    /// The processor that its image is built for
    #[arg(long, value_enum, default_value_t = Architecture::X86_64, help_heading = "What it runs")]
    architecture: Architecture,
    /// Print the JSON schema of the record, for editors, and exit
    #[arg(long, help_heading = "Common options")]
    schema: bool,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    health_check: HealthCheck,
    #[command(flatten)]
    balancing: Balancing,
    #[command(flatten)]
    container: Container,
    #[command(flatten)]
    secrets: Secrets,
    #[command(flatten)]
    rights: Rights,
    #[command(flatten)]
    scale: Scale,
    #[command(flatten)]
    deploy: Deploy,
    #[command(flatten)]
    building: Building,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Clone, Copy, ValueEnum)]
enum Architecture {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_wish::<App, _, _, _>(
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}\n",
        |args: &Args| &args.name,
        run,
    )
    .await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let flags = args.flags;
    let sharing = sharing(&stream, args.sharing, &args.name, args.public).await?;
    let mut set = BTreeMap::new();
    for file in &args.set_from {
        set.extend(variables_of(file)?);
    }
    let given: Result<Vec<_>> = args.set.into_iter().map(variable).collect();
    set.extend(given?);
    let app = App {
        name: args.name,
        port: args.port,
        public: args.public,
        worker: args.worker,
        calls: args.calls,
        health: args.health,
        set,
        image: args.image,
        context: args.context,
        cpu: args.cpu,
        memory: args.memory,
        count: args.count,
        grace: args.grace,
        check: args.check,
        architecture: match args.architecture {
            Architecture::X86_64 => "X86_64".into(),
            Architecture::Arm64 => "ARM64".into(),
        },
        reach: args.reach,
        sharing,
        health_check: args.health_check,
        balancing: args.balancing,
        container: Container {
            ulimits: flags.ulimits(),
            containers: flags.containers()?,
            after: flags.after(),
            ..args.container
        },
        secrets: Secrets {
            secrets: flags.secrets()?,
            ..args.secrets
        },
        rights: Rights {
            allow: flags.statements()?,
            ..args.rights
        },
        scale: Scale {
            on: flags.scale_on()?,
            ..args.scale
        },
        deploy: args.deploy,
        building: Building {
            build_args: flags.build_args(),
            ..args.building
        },
        found: false,
        rest: Default::default(),
    };
    app.check().map_err(Error::usage)?;
    stream.input_begun().await?; // so that the last record of a key is this one
    stream.write(Record::of(&app)).await
}

/// Whose load balancer an app answers at: where it says paths or hosts and not behind which app, that is the one
/// app in the stream that has a load balancer of its own and is public as it is.
///
/// Errors: there is none, or more than one.
async fn sharing(stream: &Stream, said: Sharing, name: &str, public: bool) -> Result<Sharing> {
    if said.behind.is_some() || !said.has_conditions() {
        return Ok(said);
    }
    stream.all().await?;
    let mut hosts = stream.arrived::<App>();
    hosts.retain(|app| app.name != name && app.public == public && app.has_load_balancer());
    let names: Vec<&str> = hosts.iter().map(|app| app.name.as_str()).collect();
    let [host] = names[..] else {
        let kind = if public { "public" } else { "internal" };
        let found = if names.is_empty() {
            format!("no {kind} app comes before it")
        } else {
            format!("{} come before it", names.join(", "))
        };
        let message = format!("app '{name}' says path or host, and not behind which app: {found}");
        return Err(Error::usage(message).hint("say --behind APP"));
    };
    Ok(Sharing {
        behind: Some(host.into()),
        ..said
    })
}

/// Reads `KEY=VALUE`, or `KEY` with the value that this process has.
///
/// Errors: it is neither. What it says is not shown: who forgets the key writes a value, which may be
/// secret.
fn variable(text: String) -> Result<(String, String)> {
    if let Some((key, value)) = text.split_once('=') {
        return Ok((key.to_string(), value.to_string()));
    }
    match std::env::var(&text) {
        Ok(value) => Ok((text, value)),
        Err(_) => Err(Error::usage(
            "a --set is neither KEY=VALUE nor the KEY of a variable that is set here",
        )),
    }
}

/// The variables of a file. A value is all that follows the first =, as it is; a line that is empty or
/// begins with # says nothing.
///
/// Errors: it cannot be read, or a line is something else. What it says is not shown: it may be secret.
fn variables_of(file: &Path) -> Result<Vec<(String, String)>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|why| Error::usage(format!("cannot read --set-from {shown}: {why}")))?;
    let mut variables = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let number = number + 1;
        if line.starts_with("export ") {
            let message = format!(
                "line {number} of --set-from {shown} begins with export, which is the shell's; write KEY=VALUE"
            );
            return Err(Error::usage(message));
        }
        let Some((key, value)) = line.split_once('=') else {
            let message = format!("line {number} of --set-from {shown} is not KEY=VALUE");
            return Err(Error::usage(message));
        };
        variables.push((key.to_string(), value.to_string()));
    }
    Ok(variables)
}
