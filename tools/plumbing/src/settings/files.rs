//! The two AWS files, the profiles in them, and which profile counts: as botocore has it
//! (session.py and configloader.py).

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::settings::ini::{self, Section, Setting, words};

/// The environment variables.
pub(super) type Variables = BTreeMap<String, String>;

/// What the two files hold.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) config_path: String,
    pub(super) credentials_path: String,
    /// The profiles of the first file alone.
    pub(super) config: BTreeMap<String, Section>,
    /// The sections of the second.
    pub(super) credentials: BTreeMap<String, Section>,
    /// The profiles of both, where the second wins.
    pub(super) profiles: BTreeMap<String, Section>,
    pub(super) sso_sessions: BTreeMap<String, Section>,
    pub(super) services: BTreeMap<String, Section>,
    /// A file of boto, botocore's predecessor, that has keys.
    pub(super) boto: Option<String>,
}

/// A profile, and the variable that named it.
#[derive(Debug, PartialEq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) settings: Section,
}

impl Files {
    /// Reads them; a file that does not exist is empty.
    ///
    /// Errors: one of them cannot be read.
    pub(super) fn read(variables: &Variables) -> Result<Files> {
        let path = |variable: &str, default: &str| {
            let path = variables.get(variable).map_or(default, String::as_str);
            expanded(path, variables)
        };
        let config_path = path("AWS_CONFIG_FILE", "~/.aws/config")?;
        let credentials_path = path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")?;
        let config = sections(&config_path)?;
        let credentials = sections(&credentials_path)?;
        Ok(Files {
            config_path,
            credentials_path,
            boto: boto(variables)?,
            ..Files::of(config, credentials)
        })
    }

    /// Sorts the sections of the two by what they are.
    pub(super) fn of(config: Vec<(String, Section)>, credentials: Vec<(String, Section)>) -> Files {
        let mut files = Files::default();
        for (name, section) in config {
            let kinds = [
                ("profile", &mut files.config),
                ("sso-session", &mut files.sso_sessions),
                ("services", &mut files.services),
            ];
            if name == "default" {
                files.config.insert(name, section);
                continue;
            }
            for (kind, sections) in kinds {
                let words = words(&name).unwrap_or_default();
                if name.starts_with(kind) && words.len() == 2 {
                    sections.insert(words[1].clone(), section.clone());
                    break;
                }
            }
        }
        files.profiles = files.config.clone();
        for (name, section) in credentials {
            let profile = files.profiles.entry(name.clone()).or_default();
            profile.extend(section.clone());
            files.credentials.insert(name, section);
        }
        files
    }

    /// The profile that the environment selects.
    ///
    /// Errors: it is in neither file, or two variables name two.
    pub(super) fn selected(&self, variables: &Variables) -> Result<Profile> {
        let [ours, older] =
            ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].map(|name| (name, variables.get(name)));
        let (variable, name) = match (ours, older) {
            ((_, None), (_, None)) => {
                return Ok(Profile {
                    name: "default".into(),
                    settings: self.profiles.get("default").cloned().unwrap_or_default(),
                });
            }
            ((_, Some(name)), (_, Some(other))) if name != other => {
                let why = format!("AWS_PROFILE says '{name}', and AWS_DEFAULT_PROFILE '{other}'");
                return Err(wrong(why, "unset one of them"));
            }
            ((variable, Some(name)), _) | (_, (variable, Some(name))) => (variable, name),
        };
        if name.is_empty() {
            let why = format!("{variable} is empty, and no profile is called so");
            return Err(wrong(why, format!("unset {variable}")));
        }
        let Some(settings) = self.profiles.get(name) else {
            let (config, credentials) = (&self.config_path, &self.credentials_path);
            let why = format!(
                "the profile '{name}' ({variable}) is neither in {config} nor in {credentials}"
            );
            return Err(wrong(why, format!("look for [profile {name}] in {config}")));
        };
        Ok(Profile {
            name: name.clone(),
            settings: settings.clone(),
        })
    }
}

impl Profile {
    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }
}

/// A setting that cannot be used, wherever in the pipe it is met.
pub(super) fn wrong(why: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::usage(why).hint(hint).pipe_wide()
}

fn sections(path: &str) -> Result<Vec<(String, Section)>> {
    if !PathBuf::from(path).is_file() {
        return Ok(Vec::new());
    }
    let unread = |why: String| wrong(why, format!("mend {path}"));
    let bytes = std::fs::read(path).map_err(|why| unread(format!("cannot read {path}: {why}")))?;
    let text = String::from_utf8(bytes).map_err(|why| {
        let before = &why.as_bytes()[..why.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        unread(format!("cannot read {path}, line {line}: it is not UTF-8"))
    })?;
    ini::parse(path, &text).map_err(|why| unread(format!("cannot read {why}")))
}

/// The file of boto that has keys, if there is one.
fn boto(variables: &Variables) -> Result<Option<String>> {
    let paths = match variables.get("BOTO_CONFIG") {
        Some(path) => vec![path.as_str()],
        None => vec!["/etc/boto.cfg", "~/.boto"],
    };
    for path in paths {
        let path = expanded(path, variables)?;
        let has_keys = |text: String| text.contains("aws_access_key_id");
        if std::fs::read_to_string(&path).is_ok_and(has_keys) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// A path with its variables and its `~` put in, as Python does.
pub(super) fn expanded(path: &str, variables: &Variables) -> Result<String> {
    let path = with_variables(path, variables);
    let Some(rest) = path.strip_prefix('~') else {
        return Ok(path);
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(wrong(
            format!("'{path}' begins with the home of somebody else"),
            "write it in full",
        ));
    }
    let home = variables.get("HOME").cloned().or_else(home_of_user);
    let home = home.unwrap_or_default();
    Ok(format!("{}{rest}", home.trim_end_matches('/')))
}

/// Puts in `$NAME` and `${NAME}`; what is not set stays as it is (Python's `os.path.expandvars`).
fn with_variables(path: &str, variables: &Variables) -> String {
    let mut done = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('$') {
        done.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, end) = match after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            Some((name, end)) => (name, end),
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        let written = &after[..after.len() - end.len()];
        match variables.get(name) {
            Some(value) => done.push_str(value),
            None => done.extend(["$", written]),
        }
        rest = end;
    }
    done + rest
}

/// Where a service runs without HOME, the account's file knows it.
fn home_of_user() -> Option<String> {
    let user = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let fields = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let mut fields = fields.filter(|fields| fields.get(2) == Some(&user.as_str()));
    Some(fields.next()?.get(5)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(config: &str, credentials: &str) -> Files {
        let parse = |text| ini::parse("f", text).unwrap();
        Files::of(parse(config), parse(credentials))
    }

    fn variables(all: &[(&str, &str)]) -> Variables {
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        all.iter().map(own).collect()
    }

    #[test]
    fn profiles_are_put_together_from_both_files() {
        let files = files(
            "[default]\na=1\n[profile p]\na=1\nb=2\n[profile 'q r']\n[x]\n[services s]\n[sso-session t]",
            "[p]\nb=3\n[y]",
        );
        let names: Vec<&String> = files.profiles.keys().collect();
        assert_eq!(names, ["default", "p", "q r", "y"]);
        let p = &files.profiles["p"];
        assert_eq!((p["a"].value.as_str(), p["b"].value.as_str()), ("1", "3"));
        assert!(files.services.contains_key("s") && files.sso_sessions.contains_key("t"));
    }

    #[test]
    fn the_profile_is_the_one_that_a_variable_names() {
        let files = files("[profile p]\n[profile q]", "");
        let selected = |all: &[(&str, &str)]| files.selected(&variables(all));
        for (all, name) in [
            (&[][..], "default"),
            (&[("AWS_PROFILE", "p")], "p"),
            (&[("AWS_DEFAULT_PROFILE", "q")], "q"),
            (&[("AWS_DEFAULT_PROFILE", "q"), ("AWS_PROFILE", "q")], "q"),
        ] {
            assert_eq!(selected(all).unwrap().name, name);
        }
        for all in [
            &[("AWS_PROFILE", "")][..],
            &[("AWS_DEFAULT_PROFILE", "")],
            &[("AWS_DEFAULT_PROFILE", "nobody")],
            &[("AWS_DEFAULT_PROFILE", "default")],
            &[("AWS_PROFILE", "p"), ("AWS_DEFAULT_PROFILE", "q")],
        ] {
            let why = selected(all).unwrap_err();
            assert!(
                why.message.contains(all[0].0) && why.kind.exit_code() == 2,
                "{why}"
            );
        }
    }

    #[test]
    fn a_path_is_expanded_as_python_does() {
        let variables = variables(&[("HOME", "/h/"), ("A", "x")]);
        for (path, all) in [
            ("~/c", "/h/c"),
            ("$A/${A}y/$B/${B}", "x/xy/$B/${B}"),
            ("a~b", "a~b"),
            ("", ""),
        ] {
            assert_eq!(expanded(path, &variables).unwrap(), all);
        }
        assert!(expanded("~bob/c", &variables).is_err());
    }
}
