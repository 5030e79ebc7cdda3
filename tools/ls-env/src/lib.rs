//! All that an environment can hold: who owns which kind of resource, and how that is found again.
//!
//! This is the one list of owners. `ls-env` and `rm-env` go through it and know no AWS themselves.

mod merge;
mod policy;

use plumbing::Owner;

pub use merge::{Listing, list};
pub use policy::reading;

/// Every tool that makes resources, in the order in which their records are written.
pub const OWNERS: [&Owner; 14] = [
    &mk_vpc::OWNER,
    &mk_sg::OWNER,
    &mk_alb::OWNER,
    &mk_ecs_svc::OWNER,
    &mk_scaling::OWNER,
    &mk_connection::OWNER,
    &mk_bucket::OWNER,
    &mk_build::OWNER,
    &mk_fn::OWNER,
    &mk_pipeline::OWNER,
    &mk_rule::OWNER,
    &mk_ecr::OWNER,
    &mk_role::OWNER,
    &mk_logs::OWNER,
];

/// The owner of records of a type.
pub fn owner_of(kind: &str) -> Option<&'static Owner> {
    let owns = |owner: &&&Owner| {
        owner
            .deletions
            .iter()
            .any(|deletion| deletion.kinds.contains(&kind))
    };
    OWNERS.iter().find(owns).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The tools whose crates declare an owner, or call a service of AWS that makes things.
    fn tools_with(file: &str, text: &str) -> BTreeSet<String> {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = BTreeSet::new();
        for folder in std::fs::read_dir(tools).unwrap() {
            let path = folder.unwrap().path();
            let holds = std::fs::read_to_string(path.join(file));
            if holds.is_ok_and(|holds| holds.contains(text)) {
                found.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
        found
    }

    #[test]
    fn no_owner_is_forgotten() {
        let listed: BTreeSet<String> = OWNERS.iter().map(|owner| owner.tool.into()).collect();
        assert_eq!(listed, tools_with("src/lib.rs", "\npub const OWNER: Owner"));
    }

    #[test]
    fn who_calls_aws_owns_what_it_makes() {
        let mut calling = tools_with("Cargo.toml", "aws-sdk-");
        calling.remove("plumbing"); // asks STS whose the credentials are
        calling.remove("push-image"); // images are their repository's
        let owning = tools_with("src/lib.rs", "\npub const OWNER: Owner");
        assert_eq!(calling, owning);
    }

    #[test]
    fn each_kind_has_one_owner() {
        let mut kinds = BTreeSet::new();
        for deletion in OWNERS.iter().flat_map(|owner| owner.deletions) {
            for kind in deletion.kinds {
                assert!(kinds.insert(*kind), "{kind} has two owners");
            }
        }
        assert_eq!(owner_of("log_group").unwrap().tool, "mk-logs");
        assert!(owner_of("app").is_none());
    }
}
