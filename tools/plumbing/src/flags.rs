//! The flags that every tool has, and what they may say.

use clap::Args;

use crate::error::{Error, Result};
use crate::name;
use crate::region::check_region;
use crate::tags;

/// The flags that mean the same in every tool.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The environment, where no env record names it: ENVIRONMENT-SUFFIX [env: PLUMBLINE_ENV]
    #[arg(long, value_name = "NAME", value_parser = environment_name, help_heading = "The environment")]
    pub env: Option<String>,
    /// The region of a new env record [default: the AWS settings', else us-east-1]
    #[arg(long, value_parser = region, help_heading = "The environment")]
    pub region: Option<String>,
    /// A tag of a new env record, beside Environment, Suffix, Project, Team and ManagedBy
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag, help_heading = "The environment")]
    pub tags: Vec<(String, String)>,
    /// Give up after this many minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = whole::<u64>(1, 1440), help_heading = "Common options")]
    pub timeout: u64,
    /// Tell each call and what was found unchanged
    #[arg(short, long, conflicts_with = "quiet", help_heading = "What is told")]
    pub verbose: bool,
    /// Tell errors alone
    #[arg(short, long, help_heading = "What is told")]
    pub quiet: bool,
    /// Write the records also where stdout is a terminal, and draw nothing
    #[arg(long, help_heading = "What is told")]
    pub json: bool,
    /// Write stderr as JSON, one object a line
    #[arg(long, help_heading = "What is told")]
    pub json_log: bool,
    /// Print the IAM policy that this tool needs (with ARNs of the region's partition), and exit
    #[arg(long, help_heading = "Common options")]
    pub iam_policy: bool,
}

impl Common {
    /// What PLUMBLINE_ENV names, if it is set.
    pub(crate) fn env_of_shell() -> Result<Option<String>> {
        match std::env::var("PLUMBLINE_ENV") {
            Ok(name) if !name.is_empty() => match environment_name(&name) {
                Ok(name) => Ok(Some(name)),
                Err(why) => Err(Error::usage(format!("PLUMBLINE_ENV '{name}': {why}"))),
            },
            _ => Ok(None),
        }
    }
}

/// Reads a whole number of a flag.
pub fn whole<T: TryFrom<i64>>(
    least: i64,
    most: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number: i64 = text.parse().map_err(|_| "it is not a whole number")?;
        let fits = (least..=most).contains(&number);
        let number = T::try_from(number).ok().filter(|_| fits);
        number.ok_or_else(|| format!("it is not from {least} to {most}"))
    }
}

/// Any number that a record can hold: whether AWS takes it, the record's own check says.
pub fn any_number() -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    whole::<u32>(0, u32::MAX.into())
}

fn environment_name(text: &str) -> Result<String, String> {
    let (environment, suffix) = text
        .split_once('-')
        .ok_or("it is written ENVIRONMENT-SUFFIX, like production-pr123")?;
    name::check_environment(environment)?;
    name::check_part("suffix", suffix)?;
    Ok(text.to_string())
}

fn region(text: &str) -> Result<String, String> {
    check_region(text)?;
    Ok(text.to_string())
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is written KEY=VALUE")?;
    tags::check_one(key, value)?;
    Ok((key.to_string(), value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_and_what_is_none_is_told_in_words() {
        let port = whole::<u16>(1, 65535);
        assert_eq!(port("8080"), Ok(8080));
        for (text, why) in [
            ("", "it is not a whole number"),
            ("x", "it is not a whole number"),
            ("8080/tcp", "it is not a whole number"),
            ("1.5", "it is not a whole number"),
            ("99999999999999999999", "it is not a whole number"),
            ("0", "it is not from 1 to 65535"),
            ("-1", "it is not from 1 to 65535"),
            ("65536", "it is not from 1 to 65535"),
        ] {
            assert_eq!(port(text), Err(why.to_string()), "{text}");
        }
    }

    #[test]
    fn an_environment_is_named_by_two_words() {
        assert!(environment_name("production-pr-123").is_ok());
        assert!(environment_name("production").is_err());
        assert!(environment_name("Production-x").is_err());
    }
}
