//! Whether the first run of a pipeline failed for what passes. Pure.

/// How AWS words a right that a role lacks, service by service, in lower case.
const LACKS_A_RIGHT: [&str; 5] = [
    "not authorized",
    "access denied",
    "accessdenied",
    "sufficient permissions",
    "unauthorized",
];

/// Whether a run failed, by the words of its action, for want of a right: a role that was made a moment
/// before has it a moment later.
pub fn may_lack_a_right_for_a_moment(why: &str) -> bool {
    let why = why.to_lowercase();
    LACKS_A_RIGHT.iter().any(|words| why.contains(words)) && !why.contains("explicit deny")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_that_may_come_is_told_from_what_is_wrong() {
        for why in [
            ": Source/Source: The provided role does not have sufficient permissions: x is not authorized to perform s3:PutObject on y",
            ": Source/Source: CodePipeline is not authorized to perform AssumeRole on role x",
            ": Source/Source: Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)",
            ": Build/Build: Error calling startBuild: User is not authorized to perform: codebuild:StartBuild",
            ": Deploy/Tag: AccessDeniedException: no",
        ] {
            assert!(may_lack_a_right_for_a_moment(why), "{why}");
        }
        for why in [
            "",
            ": Source/Source: No branch [main] found",
            ": Build/Build: Build terminated with state: FAILED",
            ": Build/Build: x is not authorized to perform: y with an explicit deny in a service control policy",
        ] {
            assert!(!may_lack_a_right_for_a_moment(why), "{why}");
        }
    }
}
