//! Ways that botocore has to credentials (its credentials.py): sessions that a person signs in to.

use crate::rows::End::{Refused, Same, Without};
use crate::rows::{Row, check};

#[test]
fn sessions_that_a_person_signs_in_to() {
    check(SSO);
}

const SSO: &[Row] = &[
    Row {
        name: "a session",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "without a session",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\nsso_account_id=123456789012\nsso_role_name=dev\n",
            ),
            (
                ".aws/sso/cache/80c7f57c51e0449101de09ef74138a588ea0d4a6.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "a session and the same again",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\nsso_region=eu-west-1\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "before keys",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n\n",
            ),
            (
                ".aws/credentials",
                "[r]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "as a source",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n[profile q]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "that is renewed",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2020-01-01T00:00:00Z\",\"refreshToken\":\"r\",\"clientId\":\"c\",\"clientSecret\":\"s\",\"registrationExpiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "that has ended",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2020-01-01T00:00:00Z\"}",
            ),
        ],
        end: Without(&[
            "SSO session of the profile 'r'",
            "aws sso login --profile r",
        ]),
    },
    Row {
        name: "that never began",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
        )],
        end: Without(&[
            "SSO session of the profile 'r'",
            "aws sso login --profile r",
        ]),
    },
    Row {
        name: "that is refused",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"refused\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Without(&["aws sso login --profile r"]),
    },
    Row {
        name: "an older one that never began",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\nsso_account_id=123456789012\nsso_role_name=dev\n",
        )],
        end: Without(&["aws sso login --profile r"]),
    },
    Row {
        name: "a broken token",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{",
            ),
        ],
        end: Without(&["aws sso login --profile r"]),
    },
    Row {
        name: "no such session",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\n",
        )],
        end: Refused(&["sso-session 's'", "{H}/.aws/config"]),
    },
    Row {
        name: "without a region",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_start_url=https://x.example/start\nsso_account_id=123456789012\nsso_role_name=dev\n",
        )],
        end: Refused(&["sso_region"]),
    },
    Row {
        name: "without an account",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_session=s\nsso_role_name=dev\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
        )],
        end: Refused(&["sso_account_id"]),
    },
    Row {
        name: "another region than the session's",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\nsso_region=eu-west-2\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
        )],
        end: Refused(&["sso_region", "sso-session 's'"]),
    },
    Row {
        name: "a session for tokens alone is none",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nsso_session=s\naws_access_key_id=AKP\naws_secret_access_key=s\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
        )],
        end: Same,
    },
    Row {
        name: "aws login",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nlogin_session=arn:aws:iam::123456789012:user/me\n",
            ),
            (
                ".aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json",
                "{\"accessToken\":{\"accessKeyId\":\"AKL\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"accountId\":\"123456789012\",\"expiresAt\":\"2099-01-01T00:00:00Z\"},\"tokenType\":\"urn:aws:params:oauth:token-type:access_token_sigv4\",\"refreshToken\":\"r\",\"idToken\":\"i\",\"clientId\":\"c\",\"dpopKey\":\"k\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "aws login, after the credentials file",
        env: &["AWS_PROFILE=r"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nlogin_session=arn:aws:iam::123456789012:user/me\n",
            ),
            (
                ".aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json",
                "{\"accessToken\":{\"accessKeyId\":\"AKL\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"accountId\":\"123456789012\",\"expiresAt\":\"2099-01-01T00:00:00Z\"},\"tokenType\":\"urn:aws:params:oauth:token-type:access_token_sigv4\",\"refreshToken\":\"r\",\"idToken\":\"i\",\"clientId\":\"c\",\"dpopKey\":\"k\"}",
            ),
            (
                ".aws/credentials",
                "[r]\naws_access_key_id=AKP\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "aws login, elsewhere",
        env: &["AWS_PROFILE=r", "AWS_LOGIN_CACHE_DIRECTORY={H}/login"],
        files: &[
            (
                ".aws/config",
                "[profile r]\nlogin_session=arn:aws:iam::123456789012:user/me\n",
            ),
            (
                "login/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json",
                "{\"accessToken\":{\"accessKeyId\":\"AKL\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"accountId\":\"123456789012\",\"expiresAt\":\"2099-01-01T00:00:00Z\"},\"tokenType\":\"urn:aws:params:oauth:token-type:access_token_sigv4\",\"refreshToken\":\"r\",\"idToken\":\"i\",\"clientId\":\"c\",\"dpopKey\":\"k\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "aws login, by ~",
        env: &["AWS_PROFILE=r", "AWS_LOGIN_CACHE_DIRECTORY=~/login"],
        files: &[(
            ".aws/config",
            "[profile r]\nlogin_session=arn:aws:iam::123456789012:user/me\n",
        )],
        end: Refused(&["AWS_LOGIN_CACHE_DIRECTORY"]),
    },
    Row {
        name: "aws login that never began",
        env: &["AWS_PROFILE=r"],
        files: &[(
            ".aws/config",
            "[profile r]\nlogin_session=arn:aws:iam::123456789012:user/me\n",
        )],
        end: Without(&["aws login --profile r"]),
    },
];
