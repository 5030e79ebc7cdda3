//! Ways that botocore has to credentials (its credentials.py): keys that are written down: in the environment, and in profiles.

use crate::rows::End::{Refused, Same, Without};
use crate::rows::{Row, check};

#[test]
fn keys_of_the_environment() {
    check(ENVIRONMENT);
}

const ENVIRONMENT: &[Row] = &[
    Row {
        name: "both keys",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[],
        end: Same,
    },
    Row {
        name: "with a token",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_SESSION_TOKEN=t",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "an older name of the token wins",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_SESSION_TOKEN=t",
            "AWS_SECURITY_TOKEN=u",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "an empty token",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_SESSION_TOKEN=",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "they win over the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_PROFILE=p",
        ],
        files: &[(
            ".aws/config",
            "[profile p]\nregion=eu-west-1\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "only the ID",
        env: &["AWS_ACCESS_KEY_ID=AKE"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Refused(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
    },
    Row {
        name: "an empty secret",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY="],
        files: &[],
        end: Refused(&["AWS_SECRET_ACCESS_KEY"]),
    },
    Row {
        name: "only the secret is none",
        env: &["AWS_SECRET_ACCESS_KEY=s"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "only the secret, and nothing else",
        env: &["AWS_SECRET_ACCESS_KEY=s"],
        files: &[],
        end: Without(&["there are none", "AWS_ACCESS_KEY_ID is not"]),
    },
    Row {
        name: "an empty ID is none",
        env: &["AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "a CR in the ID",
        env: &["AWS_ACCESS_KEY_ID=A\r", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[],
        end: Refused(&["AWS_ACCESS_KEY_ID", "control character"]),
    },
    Row {
        name: "a CR in the secret",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s\r"],
        files: &[],
        end: Refused(&["AWS_SECRET_ACCESS_KEY", "control character"]),
    },
    Row {
        name: "a CR in the token",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_SESSION_TOKEN=t\r",
        ],
        files: &[],
        end: Refused(&["AWS_SESSION_TOKEN", "control character"]),
    },
    Row {
        name: "a blank in the secret",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s "],
        files: &[],
        end: Refused(&["AWS_SECRET_ACCESS_KEY", "blank"]),
    },
    Row {
        name: "they expire later",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_CREDENTIAL_EXPIRATION=2099-01-01T00:00:00Z",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "they have expired",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_CREDENTIAL_EXPIRATION=2020-01-01T00:00:00Z",
        ],
        files: &[],
        end: Refused(&["AWS_CREDENTIAL_EXPIRATION", "expired"]),
    },
    Row {
        name: "they expire at no time",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_CREDENTIAL_EXPIRATION=soon",
        ],
        files: &[],
        end: Refused(&["AWS_CREDENTIAL_EXPIRATION"]),
    },
    Row {
        name: "nothing at all",
        env: &[],
        files: &[],
        end: Without(&["there are none", "AWS_PROFILE"]),
    },
];

#[test]
fn keys_of_profiles() {
    check(PROFILES);
}

const PROFILES: &[Row] = &[
    Row {
        name: "default",
        env: &[],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "AWS_PROFILE",
        env: &["AWS_PROFILE=base"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "AWS_DEFAULT_PROFILE",
        env: &["AWS_DEFAULT_PROFILE=base"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "both, the same",
        env: &["AWS_DEFAULT_PROFILE=base", "AWS_PROFILE=base"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "both, and another",
        env: &["AWS_DEFAULT_PROFILE=base", "AWS_PROFILE=default"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Refused(&["AWS_DEFAULT_PROFILE", "AWS_PROFILE"]),
    },
    Row {
        name: "an empty AWS_PROFILE",
        env: &["AWS_PROFILE="],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Refused(&["AWS_PROFILE"]),
    },
    Row {
        name: "an empty AWS_PROFILE with keys",
        env: &[
            "AWS_PROFILE=",
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
        ],
        files: &[(".aws/config", "[default]\nregion=eu-west-1")],
        end: Refused(&["AWS_PROFILE"]),
    },
    Row {
        name: "an empty AWS_DEFAULT_PROFILE",
        env: &["AWS_DEFAULT_PROFILE="],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Refused(&["AWS_DEFAULT_PROFILE"]),
    },
    Row {
        name: "a profile that is not there",
        env: &["AWS_PROFILE=nosuch"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Refused(&[
            "'nosuch' (AWS_PROFILE)",
            "{H}/.aws/config",
            "{H}/.aws/credentials",
        ]),
    },
    Row {
        name: "an older variable names none",
        env: &["AWS_DEFAULT_PROFILE=nosuch"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Refused(&["'nosuch' (AWS_DEFAULT_PROFILE)"]),
    },
    Row {
        name: "none, though there are keys",
        env: &[
            "AWS_PROFILE=nosuch",
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
        ],
        files: &[],
        end: Refused(&["'nosuch' (AWS_PROFILE)"]),
    },
    Row {
        name: "in the config file",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "[profile p]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "in both files",
        env: &["AWS_PROFILE=p"],
        files: &[
            (
                ".aws/config",
                "[profile p]\nregion=eu-west-1\naws_access_key_id=AKC\naws_secret_access_key=s\n",
            ),
            (
                ".aws/credentials",
                "[p]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "quoted",
        env: &["AWS_PROFILE=p q"],
        files: &[(
            ".aws/config",
            "[profile 'p q']\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "default by another name",
        env: &[],
        files: &[(
            ".aws/config",
            "[profile default]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "by its section alone it is none",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "[p]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Refused(&["'p' (AWS_PROFILE)"]),
    },
    Row {
        name: "indented by blanks",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "[profile p]\n  region = eu-west-1\n  aws_access_key_id = AKP\n  aws_secret_access_key = s\n",
        )],
        end: Same,
    },
    Row {
        name: "indented by tabs, CRLF",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "[profile p]\r\n\tregion = eu-west-1\r\n\taws_access_key_id = AKP\r\n\taws_secret_access_key = s\r\n",
        )],
        end: Same,
    },
    Row {
        name: "colons, comments, capitals",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "# x\n[profile p] # mine\nRegion: eu-west-1\n; y\nAWS_ACCESS_KEY_ID : AKP\naws_secret_access_key: s\n",
        )],
        end: Same,
    },
    Row {
        name: "a comment behind a value is of it",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/credentials",
            "[p]\naws_access_key_id = AKP # mine\naws_secret_access_key = s\n",
        )],
        end: Refused(&["aws_access_key_id ({H}/.aws/credentials, line 2)", "blank"]),
    },
    Row {
        name: "defaults for all",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "[DEFAULT]\nregion=eu-west-1\n[profile p]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "only the ID",
        env: &["AWS_PROFILE=p"],
        files: &[(".aws/credentials", "[p]\naws_access_key_id=AKP\n")],
        end: Refused(&["aws_secret_access_key", "{H}/.aws/credentials, line 2"]),
    },
    Row {
        name: "only the ID, in the other file",
        env: &["AWS_PROFILE=p"],
        files: &[(".aws/config", "[profile p]\naws_access_key_id=AKP\n")],
        end: Refused(&["aws_secret_access_key", "{H}/.aws/config, line 2"]),
    },
    Row {
        name: "an empty secret",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/credentials",
            "[p]\naws_access_key_id=AKP\naws_secret_access_key=\n",
        )],
        end: Refused(&["aws_secret_access_key ({H}/.aws/credentials, line 3) is empty"]),
    },
    Row {
        name: "a blank in the secret",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/credentials",
            "[p]\naws_access_key_id=AKP\naws_secret_access_key=s s\n",
        )],
        end: Refused(&[
            "aws_secret_access_key ({H}/.aws/credentials, line 3)",
            "blank",
        ]),
    },
    Row {
        name: "a token by its older name",
        env: &[],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKP\naws_secret_access_key=s\naws_security_token=t\naws_session_token=u\n",
        )],
        end: Same,
    },
    Row {
        name: "a token",
        env: &[],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKP\naws_secret_access_key=s\naws_session_token=u\n",
        )],
        end: Same,
    },
    Row {
        name: "another profile is broken",
        env: &["AWS_PROFILE=p"],
        files: &[(
            ".aws/config",
            "[profile p]\naws_access_key_id=AKP\naws_secret_access_key=s\n[profile q]\nnonsense\n",
        )],
        end: Refused(&["{H}/.aws/config, line 5"]),
    },
    Row {
        name: "a line before any section",
        env: &[],
        files: &[(
            ".aws/credentials",
            "x=1\n[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Refused(&["{H}/.aws/credentials, line 1"]),
    },
    Row {
        name: "a section twice",
        env: &[],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n[base]\n",
        )],
        end: Refused(&["{H}/.aws/credentials, line 7", "[base]"]),
    },
    Row {
        name: "a setting twice",
        env: &[],
        files: &[(".aws/config", "[default]\nregion=a\nregion=b\n")],
        end: Refused(&["{H}/.aws/config, line 3", "region"]),
    },
    Row {
        name: "broken, though there are keys",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/config", "[default\n")],
        end: Refused(&["{H}/.aws/config, line 1"]),
    },
    Row {
        name: "another file",
        env: &["AWS_SHARED_CREDENTIALS_FILE={H}/k"],
        files: &[(
            "k",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "another file, by ~",
        env: &["AWS_SHARED_CREDENTIALS_FILE=~/k", "AWS_CONFIG_FILE=$HOME/c"],
        files: &[
            (
                "k",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
            ("c", "[default]\nregion=eu-west-1\n"),
        ],
        end: Same,
    },
    Row {
        name: "another file that is not there",
        env: &["AWS_SHARED_CREDENTIALS_FILE={H}/none"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Without(&["there are none"]),
    },
    Row {
        name: "no file by an empty name",
        env: &["AWS_CONFIG_FILE="],
        files: &[
            (".aws/config", "[default]\nregion=eu-west-1"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
];
