//! Ways that botocore has to credentials (its credentials.py): roles to assume, and web identities.

use crate::rows::End::{Refused, Same, Without};
use crate::rows::{Row, check};

#[test]
fn roles_of_profiles() {
    check(ROLES);
}

const ROLES: &[Row] = &[
    Row {
        name: "of a source_profile",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "with all that a role can have",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nexternal_id=ext\nrole_session_name=mine\nduration_seconds=900\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "for seconds that are none",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nduration_seconds=long\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of itself",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=r\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "over keys of its own",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of a role",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nrole_arn=arn:aws:iam::1:role/q\nsource_profile=base\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of a profile with both keys and a role",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nrole_arn=arn:aws:iam::1:role/q\nsource_profile=base\naws_access_key_id=AKQ\naws_secret_access_key=s\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of a process",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\ncredential_process=cat {H}/out\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "in the credentials file",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/credentials",
            "[r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\n[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "in another region",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nregion=eu-west-1\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "keys in the environment win",
        env: &[
            "AWS_PROFILE=r",
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
        ],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of no profile",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=nosuch\n",
        )],
        end: Refused(&["source_profile 'nosuch'", "'r'", "{H}/.aws/config, line 2"]),
    },
    Row {
        name: "of a profile without credentials",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nregion=x\n",
        )],
        end: Refused(&["source_profile 'q'", "no credentials"]),
    },
    Row {
        name: "in a circle",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nrole_arn=arn:aws:iam::1:role/q\nsource_profile=r\n",
        )],
        end: Refused(&["circle: 'r' -> 'q' -> 'r'"]),
    },
    Row {
        name: "of itself without keys",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=r\n",
        )],
        end: Refused(&["circle: 'r' -> 'r'"]),
    },
    Row {
        name: "of nothing",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\n\n",
        )],
        end: Refused(&[
            "neither source_profile nor credential_source",
            "{H}/.aws/config, line 2",
        ]),
    },
    Row {
        name: "of both",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\ncredential_source=Environment\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Refused(&["both source_profile and credential_source"]),
    },
    Row {
        name: "of the environment, which has none",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=Environment\n",
        )],
        end: Refused(&["credential_source 'Environment'"]),
    },
    Row {
        name: "of the environment, which wins",
        env: &[
            "AWS_PROFILE=r",
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
        ],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=Environment\n",
        )],
        end: Same,
    },
    Row {
        name: "of the container",
        env: &[
            "AWS_PROFILE=r",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
        ],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=EcsContainer\n",
        )],
        end: Same,
    },
    Row {
        name: "of the machine",
        env: &[
            "AWS_PROFILE=r",
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT={S}",
        ],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=Ec2InstanceMetadata\n",
        )],
        end: Same,
    },
    Row {
        name: "of a container that is none",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=EcsContainer\n",
        )],
        end: Refused(&["credential_source 'EcsContainer'"]),
    },
    Row {
        name: "of an unknown source",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=environment\n",
        )],
        end: Refused(&["credential_source 'environment'"]),
    },
    Row {
        name: "with a code",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nmfa_serial=arn:aws:iam::1:mfa/me\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Refused(&[
            "mfa_serial",
            "{H}/.aws/config, line 4",
            "export-credentials --profile r",
            "credential_process",
        ]),
    },
    Row {
        name: "of one with a code",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nrole_arn=arn:aws:iam::1:role/q\nsource_profile=base\nmfa_serial=m\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Refused(&["mfa_serial", "'q'"]),
    },
    Row {
        name: "refused",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/denied\nsource_profile=base\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Without(&[
            "role/denied",
            "'r'",
            "AccessDenied",
            "sts:AssumeRole",
            "source_profile",
        ]),
    },
];

#[test]
fn web_identities() {
    check(WEB_IDENTITY);
}

const WEB_IDENTITY: &[Row] = &[
    Row {
        name: "of the environment",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
        ],
        files: &[("token", "a.b.c")],
        end: Same,
    },
    Row {
        name: "with a name",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
            "AWS_ROLE_SESSION_NAME=mine",
        ],
        files: &[("token", "a.b.c")],
        end: Same,
    },
    Row {
        name: "before the profile's keys",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
        ],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "after a role",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
            "AWS_PROFILE=r",
        ],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of the profile",
        env: &["AWS_PROFILE=r"],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nweb_identity_token_file={H}/token\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "the role of the profile",
        env: &["AWS_PROFILE=r", "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token"],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of a profile without a source",
        env: &[
            "AWS_PROFILE=w",
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
        ],
        files: &[
            ("token", "a.b.c"),
            (".aws/config", "[profile w]\nregion=eu-west-1\n"),
        ],
        end: Same,
    },
    Row {
        name: "an empty file is none",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE=",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
        ],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "without a role",
        env: &["AWS_WEB_IDENTITY_TOKEN_FILE={H}/token"],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Refused(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]),
    },
    Row {
        name: "an empty role",
        env: &["AWS_WEB_IDENTITY_TOKEN_FILE={H}/token", "AWS_ROLE_ARN="],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Refused(&["AWS_ROLE_ARN"]),
    },
    Row {
        name: "only a role is none",
        env: &["AWS_ROLE_ARN=arn:aws:iam::1:role/w"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "no token there",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/nosuch",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
        ],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Without(&["{H}/nosuch", "AWS_WEB_IDENTITY_TOKEN_FILE"]),
    },
    Row {
        name: "refused",
        env: &[
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/denied",
        ],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Without(&[
            "role/denied",
            "sts:AssumeRoleWithWebIdentity",
            "AccessDenied",
        ]),
    },
    Row {
        name: "as a source",
        env: &["AWS_PROFILE=r"],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nrole_arn=arn:aws:iam::1:role/q\nweb_identity_token_file={H}/token\n",
            ),
        ],
        end: Same,
    },
];
