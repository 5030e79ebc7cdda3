//! Ways that botocore has to credentials (its credentials.py): programs, containers, machines, and files of
//! older tools.

use crate::rows::End::{Refused, Same, Without};
use crate::rows::{Row, check};

#[test]
fn programs_that_get_credentials() {
    check(PROCESSES);
}

const PROCESSES: &[Row] = &[
    Row {
        name: "a program",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process=cat {H}/out\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "with quotes",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process=sh -c 'cat \"$0\"' {H}/out\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "without a shell's expansion",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process=sh -c 'test $0 = \\$HOME && cat {H}/out' $HOME\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "after keys in the credentials file",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process=cat {H}/out\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
            (
                ".aws/credentials",
                "[r]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "before keys in the config file",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process=cat {H}/out\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "that fails",
        env: &["AWS_PROFILE=r"],
        files: &[
            (".aws/config", "[profile r]\ncredential_process=false\n"),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Without(&["credential_process of the profile 'r'", "exit status: 1"]),
    },
    Row {
        name: "that is not there",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process={H}/nosuch\n",
            ),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Without(&["credential_process of the profile 'r'"]),
    },
    Row {
        name: "that says nothing",
        env: &["AWS_PROFILE=r"],
        files: &[
            (".aws/config", "[profile r]\ncredential_process=true\n"),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Without(&["credential_process of the profile 'r'"]),
    },
    Row {
        name: "of another version",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\ncredential_process=cat {H}/out\n",
            ),
            (
                "out",
                "{\"Version\":2,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\"}",
            ),
        ],
        end: Without(&["credential_process of the profile 'r'"]),
    },
    Row {
        name: "that is no command",
        env: &["AWS_PROFILE=r"],
        files: &[
            (".aws/config", "[profile r]\ncredential_process=sh -c 'x\n"),
            (
                "out",
                "{\"Version\":1,\"AccessKeyId\":\"AKX\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}",
            ),
        ],
        end: Refused(&["credential_process", "{H}/.aws/config, line 2"]),
    },
];

#[test]
fn credentials_of_containers_and_machines() {
    check(CONTAINERS);
}

const CONTAINERS: &[Row] = &[
    Row {
        name: "by a URL",
        env: &["AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds"],
        files: &[],
        end: Same,
    },
    Row {
        name: "with a token",
        env: &[
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN=t",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "with a token in a file",
        env: &[
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN=t",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={H}/t",
        ],
        files: &[("t", "u")],
        end: Same,
    },
    Row {
        name: "after the profile",
        env: &["AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds"],
        files: &[(
            ".aws/credentials",
            "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
        )],
        end: Same,
    },
    Row {
        name: "by localhost",
        env: &["AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost:{N}/creds"],
        files: &[],
        end: Same,
    },
    Row {
        name: "a token with the end of a line",
        env: &[
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={H}/t",
        ],
        files: &[("t", "u\n")],
        end: Without(&[
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ]),
    },
    Row {
        name: "no such file of a token",
        env: &[
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={H}/none",
        ],
        files: &[],
        end: Without(&["AWS_CONTAINER_AUTHORIZATION_TOKEN"]),
    },
    Row {
        name: "that answers nonsense",
        env: &["AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/broken"],
        files: &[],
        end: Without(&["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
    },
    Row {
        name: "elsewhere",
        env: &["AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/creds"],
        files: &[],
        end: Refused(&["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
    },
    Row {
        name: "an empty URL",
        env: &["AWS_CONTAINER_CREDENTIALS_FULL_URI="],
        files: &[],
        end: Refused(&["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
    },
    Row {
        name: "an empty path",
        env: &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="],
        files: &[],
        end: Refused(&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]),
    },
    Row {
        name: "the path wins",
        env: &[
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=creds",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
        ],
        files: &[],
        end: Refused(&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]),
    },
    Row {
        name: "the machine",
        env: &[
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT={S}",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "the machine, by the profile",
        env: &["-AWS_EC2_METADATA_DISABLED"],
        files: &[(
            ".aws/config",
            "[default]\nec2_metadata_service_endpoint={S}\n",
        )],
        end: Same,
    },
    Row {
        name: "the machine, after the container",
        env: &[
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT={S}",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "the machine, with times",
        env: &[
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT={S}",
            "AWS_METADATA_SERVICE_TIMEOUT=3",
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS=2",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "the machine, turned off",
        env: &["AWS_EC2_METADATA_SERVICE_ENDPOINT={S}"],
        files: &[],
        end: Without(&["there are none"]),
    },
    Row {
        name: "the machine, by a time that is none",
        env: &[
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT={S}",
            "AWS_METADATA_SERVICE_TIMEOUT=long",
        ],
        files: &[],
        end: Refused(&["AWS_METADATA_SERVICE_TIMEOUT"]),
    },
    Row {
        name: "the machine, by attempts that are none",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS=",
        ],
        files: &[],
        end: Refused(&["AWS_METADATA_SERVICE_NUM_ATTEMPTS"]),
    },
    Row {
        name: "the machine, in no mode",
        env: &[
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv5",
        ],
        files: &[],
        end: Refused(&["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]),
    },
    Row {
        name: "the machine, by no URL",
        env: &[
            "-AWS_EC2_METADATA_DISABLED",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT=nowhere",
        ],
        files: &[],
        end: Refused(&["AWS_EC2_METADATA_SERVICE_ENDPOINT"]),
    },
];

#[test]
fn files_of_older_tools() {
    check(OLDER_FILES);
}

const OLDER_FILES: &[Row] = &[
    Row {
        name: "of the first tools of EC2",
        env: &["AWS_CREDENTIAL_FILE={H}/ec2"],
        files: &[("ec2", "AWSAccessKeyId=AKO\nAWSSecretKey=s\n")],
        end: Refused(&["AWS_CREDENTIAL_FILE"]),
    },
    Row {
        name: "of the first tools of EC2, after the profile",
        env: &["AWS_CREDENTIAL_FILE={H}/ec2"],
        files: &[
            ("ec2", "AWSAccessKeyId=AKO\nAWSSecretKey=s\n"),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of boto",
        env: &["BOTO_CONFIG={H}/boto"],
        files: &[(
            "boto",
            "[Credentials]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Refused(&["BOTO_CONFIG", "{H}/boto"]),
    },
    Row {
        name: "of boto, at home",
        env: &[],
        files: &[(
            ".boto",
            "[Credentials]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
        )],
        end: Refused(&["{H}/.boto"]),
    },
    Row {
        name: "of boto, without keys",
        env: &[
            "BOTO_CONFIG={H}/boto",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
        ],
        files: &[("boto", "[Boto]\nx=1\n")],
        end: Same,
    },
    Row {
        name: "of boto, after the profile",
        env: &["BOTO_CONFIG={H}/boto"],
        files: &[
            (
                "boto",
                "[Credentials]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
];
