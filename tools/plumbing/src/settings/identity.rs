//! As whom the tools call: the same as botocore would (credentials.py, `create_credential_resolver`),
//! or nobody. Pure, but for the clock.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::error::{Error, Result};
use crate::settings::files::{Files, Profile, Variables, wrong};
use crate::settings::ini::{Section, words};

/// Where the first keys come from.
#[derive(PartialEq)]
pub(super) enum Source {
    Keys(Keys),
    WebIdentity {
        token_file: String,
        role_arn: String,
        session_name: Option<String>,
    },
    Sso(Sso),
    Login(String),
    /// A program and its arguments.
    Process(Vec<String>),
    /// The container's own, by the variable that names their URL.
    Container(&'static str),
    /// The machine's own, from its metadata service.
    Machine,
}

/// Keys that are written down. They have no Debug.
#[derive(PartialEq)]
pub(super) struct Keys {
    pub(super) access: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
    pub(super) expires: Option<SystemTime>,
}

/// A session of IAM Identity Center.
#[derive(PartialEq)]
pub(super) struct Sso {
    pub(super) session: Option<String>,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
}

/// A role to assume with what came before it.
#[derive(Debug, PartialEq)]
pub(super) struct Role {
    pub(super) profile: String,
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
    pub(super) seconds: Option<i32>,
}

/// The first keys, whose they are, and the roles that follow from them, the last of which counts.
pub(super) struct Identity {
    pub(super) source: Source,
    /// The profile that names the source, where one does.
    pub(super) profile: Option<String>,
    pub(super) roles: Vec<Role>,
}

impl Identity {
    fn of(source: Source, profile: Option<&str>) -> Self {
        Identity {
            source,
            profile: profile.map(str::to_string),
            roles: Vec::new(),
        }
    }
}

/// Decides it, in botocore's order.
///
/// Errors: what botocore refuses too, and what would be another identity here.
pub(super) fn identity(
    variables: &Variables,
    files: &Files,
    profile: &Profile,
) -> Result<Identity> {
    if let Some(keys) = of_environment(variables)? {
        return Ok(Identity::of(Source::Keys(keys), None));
    }
    if has_role(&profile.settings) {
        return of_role(variables, files, &profile.name, &mut vec![]);
    }
    if let Some(source) = of_profile(files, &profile.name, Some(variables))? {
        return Ok(Identity::of(source, Some(&profile.name)));
    }
    of_older_files(variables, files)?;
    let source = of_container(variables)?.unwrap_or(Source::Machine);
    Ok(Identity::of(source, None))
}

fn of_environment(variables: &Variables) -> Result<Option<Keys>> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let Some(access) = set("AWS_ACCESS_KEY_ID") else {
        return Ok(None);
    };
    let Some(secret) = set("AWS_SECRET_ACCESS_KEY") else {
        let why = "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not";
        return Err(wrong(why, "set both, or neither"));
    };
    let expires = set("AWS_CREDENTIAL_EXPIRATION");
    let expires = expires.map(|text| time(text)).transpose()?;
    Ok(Some(Keys {
        access: access.clone(),
        secret: secret.clone(),
        token: set("AWS_SECURITY_TOKEN")
            .or(set("AWS_SESSION_TOKEN"))
            .cloned(),
        expires,
    }))
}

fn time(text: &str) -> Result<SystemTime> {
    let setting = "AWS_CREDENTIAL_EXPIRATION";
    let time = DateTime::from_str(text, Format::DateTimeWithOffset).ok();
    let time = time.and_then(|time| SystemTime::try_from(time).ok());
    let Some(time) = time else {
        let why = format!("{setting} '{text}' is no time like 2026-11-27T12:00:00Z");
        return Err(wrong(why, format!("unset {setting}")));
    };
    if time <= SystemTime::now() {
        let why = format!("the keys in the environment expired at {text} ({setting})");
        return Err(wrong(why, "renew them and run the pipeline again"));
    }
    Ok(time)
}

fn has_role(profile: &Section) -> bool {
    profile.contains_key("role_arn") && !profile.contains_key("web_identity_token_file")
}

/// A profile with a role: the role, and what it is assumed with.
fn of_role(
    variables: &Variables,
    files: &Files,
    name: &str,
    visited: &mut Vec<String>,
) -> Result<Identity> {
    let profile = &files.profiles[name];
    let get = |setting: &str| profile.get(setting).map(|setting| setting.value.clone());
    visited.push(name.to_string());
    if let Some(serial) = profile.get("mfa_serial") {
        return Err(asks_for_a_code(name, &serial.place));
    }
    let role = Role {
        profile: name.into(),
        arn: profile["role_arn"].value.clone(),
        external_id: get("external_id"),
        session_name: get("role_session_name"),
        seconds: get("duration_seconds").and_then(|text| text.parse().ok()),
    };
    let base = match (get("source_profile"), get("credential_source")) {
        (Some(_), Some(_)) => Err(format!(
            "the profile '{name}' has both source_profile and credential_source"
        )),
        (None, None) => Err(format!(
            "the profile '{name}' has a role_arn, and neither source_profile nor credential_source"
        )),
        (None, Some(source)) => of_named_source(variables, &source, name)?,
        (Some(source), None) => of_source_profile(variables, files, &source, visited)?,
    };
    let mut identity = base.map_err(|why| {
        let place = &profile["role_arn"].place;
        wrong(
            format!("{why} ({place})"),
            format!("mend the profile '{name}'"),
        )
    })?;
    identity.roles.push(role);
    Ok(identity)
}

fn asks_for_a_code(name: &str, place: &str) -> Error {
    let why = format!(
        "the profile '{name}' asks for a code (mfa_serial, {place}), and the tools ask nobody for one"
    );
    let export = format!("aws configure export-credentials --profile {name} --format env");
    wrong(
        why,
        format!("eval \"$({export})\", or a credential_process in the profile"),
    )
}

/// What `source_profile` names, or why it cannot be.
fn of_source_profile(
    variables: &Variables,
    files: &Files,
    source: &str,
    visited: &mut Vec<String>,
) -> Result<Result<Identity, String>> {
    let name = visited.last().cloned().unwrap_or_default();
    let what = format!("the source_profile '{source}' of the profile '{name}'");
    let Some(settings) = files.profiles.get(source) else {
        return Ok(Err(format!("{what} does not exist")));
    };
    let is_itself = source == name && has_keys(settings);
    if visited.iter().any(|other| other == source) && !is_itself {
        let way = visited.join("' -> '");
        return Ok(Err(format!(
            "source_profile goes in a circle: '{way}' -> '{source}'"
        )));
    }
    if has_role(settings) && !has_keys(settings) {
        return of_role(variables, files, source, visited).map(Ok);
    }
    Ok(match of_profile(files, source, None)? {
        Some(found) => Ok(Identity::of(found, Some(source))),
        None => Err(format!("{what} has no credentials")),
    })
}

fn has_keys(profile: &Section) -> bool {
    profile.contains_key("aws_access_key_id") || profile.contains_key("aws_secret_access_key")
}

/// What `credential_source` names, or why it cannot be.
fn of_named_source(
    variables: &Variables,
    source: &str,
    profile: &str,
) -> Result<Result<Identity, String>> {
    let what = format!("the credential_source '{source}' of the profile '{profile}'");
    let found = match source {
        "Environment" => of_environment(variables)?.map(Source::Keys),
        "EcsContainer" => of_container(variables)?,
        "Ec2InstanceMetadata" => Some(Source::Machine),
        _ => {
            return Ok(Err(format!(
                "{what} is none of Environment, EcsContainer, Ec2InstanceMetadata"
            )));
        }
    };
    let found = found.map(|source| Identity::of(source, None));
    Ok(found.ok_or_else(|| format!("{what} has no credentials")))
}

/// What a profile holds, but for a role. With the variables, a web identity may come from these.
fn of_profile(files: &Files, name: &str, variables: Option<&Variables>) -> Result<Option<Source>> {
    let profile = files.profiles.get(name).cloned().unwrap_or_default();
    if let Some(source) = of_web_identity(&profile, name, variables)? {
        return Ok(Some(source));
    }
    if let Some(source) = of_sso(files, &profile, name)? {
        return Ok(Some(source));
    }
    if let Some(source) = of_section(files.credentials.get(name), name)? {
        return Ok(Some(source));
    }
    if let Some(session) = profile.get("login_session") {
        return Ok(Some(Source::Login(session.value.clone())));
    }
    if let Some(process) = profile.get("credential_process") {
        return match words(&process.value) {
            Some(words) if !words.is_empty() => Ok(Some(Source::Process(words))),
            _ => Err(wrong(
                format!(
                    "the credential_process of the profile '{name}' is no command ({})",
                    process.place
                ),
                format!("mend the profile '{name}'"),
            )),
        };
    }
    of_section(files.config.get(name), name)
}

fn of_web_identity(
    profile: &Section,
    name: &str,
    variables: Option<&Variables>,
) -> Result<Option<Source>> {
    let get = |variable: &str, setting: &str| {
        let of_variable = variables.and_then(|all| all.get(variable)).cloned();
        of_variable.or(profile.get(setting).map(|setting| setting.value.clone()))
    };
    let token_file = get("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    let Some(token_file) = token_file.filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    let role_arn = get("AWS_ROLE_ARN", "role_arn").filter(|arn| !arn.is_empty());
    let Some(role_arn) = role_arn else {
        let why = format!(
            "there is a web identity (AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile '{name}'), and no role for it"
        );
        return Err(wrong(why, "set AWS_ROLE_ARN, or role_arn in the profile"));
    };
    Ok(Some(Source::WebIdentity {
        token_file,
        role_arn,
        session_name: get("AWS_ROLE_SESSION_NAME", "role_session_name"),
    }))
}

fn of_sso(files: &Files, profile: &Section, name: &str) -> Result<Option<Source>> {
    let Some(begin) = profile
        .get("sso_role_name")
        .or(profile.get("sso_account_id"))
    else {
        return Ok(None);
    };
    let refuse = |why: String| {
        Err(wrong(
            format!("{why} ({})", begin.place),
            "aws configure sso",
        ))
    };
    let mut settings = profile.clone();
    if let Some(session) = profile.get("sso_session") {
        let session = &session.value;
        let Some(of_session) = files.sso_sessions.get(session) else {
            return refuse(format!(
                "the profile '{name}' names an sso-session '{session}', which does not exist"
            ));
        };
        for (setting, own) in of_session {
            if settings
                .get(setting)
                .is_some_and(|other| other.value != own.value)
            {
                return refuse(format!(
                    "{setting} of the profile '{name}' is not that of its sso-session '{session}'"
                ));
            }
            settings.insert(setting.clone(), own.clone());
        }
    }
    let get = |setting: &str| settings.get(setting).map(|setting| setting.value.clone());
    let required = [
        "sso_start_url",
        "sso_region",
        "sso_account_id",
        "sso_role_name",
    ]
    .map(|name| (name, get(name)));
    if let Some((missing, _)) = required
        .iter()
        .find(|(_, value)| value.as_deref().unwrap_or_default().is_empty())
    {
        return refuse(format!(
            "the profile '{name}' is set up for SSO, but without {missing}"
        ));
    }
    let [start_url, region, account, role] = required.map(|(_, value)| value.unwrap_or_default());
    Ok(Some(Source::Sso(Sso {
        session: get("sso_session"),
        start_url,
        region,
        account,
        role,
    })))
}

/// Keys in a section of either file.
fn of_section(section: Option<&Section>, name: &str) -> Result<Option<Source>> {
    let Some((section, access)) =
        section.and_then(|all| Some((all, all.get("aws_access_key_id")?)))
    else {
        return Ok(None);
    };
    let Some(secret) = section.get("aws_secret_access_key") else {
        let why = format!(
            "the profile '{name}' has aws_access_key_id ({}), and no aws_secret_access_key",
            access.place
        );
        return Err(wrong(why, format!("mend the profile '{name}'")));
    };
    let token = section
        .get("aws_security_token")
        .or(section.get("aws_session_token"));
    for (setting, at) in [
        ("aws_access_key_id", Some(access)),
        ("aws_secret_access_key", Some(secret)),
        ("the session token", token),
    ] {
        let Some(at) = at else { continue };
        check_key(&format!("{setting} ({})", at.place), &at.value)?;
    }
    Ok(Some(Source::Keys(Keys {
        access: access.value.clone(),
        secret: secret.value.clone(),
        token: token
            .map(|token| token.value.clone())
            .filter(|token| !token.is_empty()),
        expires: None,
    })))
}

/// Refuses a key with what no key has. Of a key nothing is told but which it is.
pub(super) fn check_key(which: &str, key: &str) -> Result<()> {
    let what = if key.contains(char::is_control) {
        "a control character"
    } else if key.contains(char::is_whitespace) {
        "a blank"
    } else if !key.is_ascii() {
        "a letter that is not ASCII"
    } else if key.is_empty() && !which.contains("token") {
        return Err(wrong(
            format!("{which} is empty"),
            format!("set {which}, or remove it"),
        ));
    } else {
        return Ok(());
    };
    Err(wrong(
        format!("{which} holds {what}, which no key does"),
        format!("look at the end of {which}"),
    ))
}

/// Two older kinds of file that botocore still looks for keys in, and the tools do not.
fn of_older_files(variables: &Variables, files: &Files) -> Result<()> {
    let hint = format!("put the keys into {}", files.credentials_path);
    if let Some(path) = variables.get("AWS_CREDENTIAL_FILE") {
        let why = format!("AWS_CREDENTIAL_FILE ({path}) is not read");
        return Err(wrong(why, format!("{hint}, and unset it")));
    }
    match &files.boto {
        Some(path) => Err(wrong(
            format!("the keys in {path} (BOTO_CONFIG) are not read"),
            hint,
        )),
        None => Ok(()),
    }
}

/// Hosts that keys may be asked of without TLS, besides this machine itself.
const CONTAINER_HOSTS: [&str; 4] = [
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::23",
    "localhost",
];

fn of_container(variables: &Variables) -> Result<Option<Source>> {
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if let Some(path) = variables.get(RELATIVE) {
        if path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Some(Source::Container(RELATIVE)));
        }
        let why = format!("{RELATIVE} '{path}' is no path that begins with /");
        return Err(wrong(why, format!("unset {RELATIVE}")));
    }
    let Some(url) = variables.get(FULL) else {
        return Ok(None);
    };
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = host
        .parse()
        .is_ok_and(|host: std::net::IpAddr| host.is_loopback());
    let is_near = scheme == "http" && (is_loopback || CONTAINER_HOSTS.contains(&host));
    if !host.is_empty() && (scheme == "https" || is_near) {
        return Ok(Some(Source::Container(FULL)));
    }
    let why = format!("{FULL} '{url}' is neither on this machine nor on https://");
    Err(wrong(why, format!("unset {FULL}")))
}
