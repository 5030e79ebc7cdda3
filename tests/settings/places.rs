//! Regions and endpoints (botocore's configprovider.py).

use crate::rows::End::{Refused, Same};
use crate::rows::{Row, check};

#[test]
fn regions_are_botocores() {
    check(REGIONS);
}

const REGIONS: &[Row] = &[
    Row {
        name: "none",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[],
        end: Same,
    },
    Row {
        name: "AWS_DEFAULT_REGION",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_DEFAULT_REGION=eu-west-1",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "AWS_REGION, as the CLI",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_REGION=eu-west-1",
            "AWS_DEFAULT_REGION=eu-west-2",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "an empty AWS_REGION",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_REGION=",
            "AWS_DEFAULT_REGION=eu-west-2",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "the default profile's",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/config", "[default]\nregion=eu-west-1\n")],
        end: Same,
    },
    Row {
        name: "in the credentials file",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/credentials", "[default]\nregion=eu-west-1\n")],
        end: Same,
    },
    Row {
        name: "another profile's",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_DEFAULT_PROFILE=p",
        ],
        files: &[(
            ".aws/config",
            "[default]\nregion=eu-west-1\n[profile p]\nregion=eu-west-2\n",
        )],
        end: Same,
    },
    Row {
        name: "a profile without one",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_PROFILE=p",
        ],
        files: &[(
            ".aws/config",
            "[default]\nregion=eu-west-1\n[profile p]\noutput=json\n",
        )],
        end: Same,
    },
    Row {
        name: "of another partition",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_DEFAULT_REGION=cn-north-1",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "an empty AWS_DEFAULT_REGION",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_DEFAULT_REGION=",
        ],
        files: &[(".aws/config", "[default]\nregion=eu-west-1\n")],
        end: Refused(&["AWS_DEFAULT_REGION"]),
    },
    Row {
        name: "an empty one in the profile",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/config", "[default]\nregion=\n")],
        end: Refused(&["region ({H}/.aws/config, line 2)"]),
    },
    Row {
        name: "with a comment",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/config", "[default]\nregion=eu-west-1 # home\n")],
        end: Refused(&["region ({H}/.aws/config, line 2)"]),
    },
    Row {
        name: "no region's name",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_DEFAULT_REGION=us_east_1",
        ],
        files: &[],
        end: Refused(&["AWS_DEFAULT_REGION"]),
    },
];

#[test]
fn endpoints_are_botocores() {
    check(ENDPOINTS);
}

const ENDPOINTS: &[Row] = &[
    Row {
        name: "for all services",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[],
        end: Same,
    },
    Row {
        name: "for one service",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_ENDPOINT_URL=http://127.0.0.1:9",
            "AWS_ENDPOINT_URL_STS={S}/one",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "for another service",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_ENDPOINT_URL_S3=http://127.0.0.1:9",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "of the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(".aws/config", "[default]\nendpoint_url={S}/two\n")],
        end: Same,
    },
    Row {
        name: "of the profile, for one service",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\nendpoint_url=http://127.0.0.1:9\nservices=x\n[services x]\nsts =\n  endpoint_url = {S}/three\n",
        )],
        end: Same,
    },
    Row {
        name: "of the profile, for another service",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\nendpoint_url={S}/four\nservices=x\n[services x]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n",
        )],
        end: Same,
    },
    Row {
        name: "a variable wins over one service of the profile",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(
            ".aws/config",
            "[default]\nservices=x\n[services x]\nsts =\n  endpoint_url = http://127.0.0.1:9\n",
        )],
        end: Same,
    },
    Row {
        name: "an empty one of the profile is none",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_ENDPOINT_URL={S}",
        ],
        files: &[(".aws/config", "[default]\nendpoint_url=\n")],
        end: Same,
    },
    Row {
        name: "with a role",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ACCESS_KEY_ID",
            "-AWS_ENDPOINT_URL",
            "AWS_PROFILE=r",
        ],
        files: &[
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nendpoint_url={S}/five\n",
            ),
            (
                ".aws/credentials",
                "[default]\naws_access_key_id=AKD\naws_secret_access_key=s\n[base]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of one service, with a web identity",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ACCESS_KEY_ID",
            "-AWS_ENDPOINT_URL",
            "AWS_PROFILE=r",
        ],
        files: &[
            ("token", "a.b.c"),
            (
                ".aws/config",
                "[profile r]\nrole_arn=arn:aws:iam::1:role/r\nweb_identity_token_file={H}/token\nservices=x\n[services x]\nsts =\n  endpoint_url = {S}/six\n",
            ),
        ],
        end: Same,
    },
    Row {
        name: "of the profile, with a session",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ACCESS_KEY_ID",
            "-AWS_ENDPOINT_URL",
            "AWS_PROFILE=r",
        ],
        files: &[
            (
                ".aws/config",
                "[profile r]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=dev\nendpoint_url={S}/seven\n[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://x.example/start\n",
            ),
            (
                ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                "{\"accessToken\":\"t\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
            ),
        ],
        end: Same,
    },
    Row {
        name: "a service that is not there",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/config", "[default]\nservices=x\n")],
        end: Refused(&["services ({H}/.aws/config, line 2)", "[services x]"]),
    },
    Row {
        name: "a service without a name",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\nservices=x\n[services x]\nsts =\n  {S}\n",
        )],
        end: Refused(&["{H}/.aws/config, line 4"]),
    },
    Row {
        name: "empty",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_ENDPOINT_URL=",
        ],
        files: &[],
        end: Refused(&["AWS_ENDPOINT_URL is empty"]),
    },
    Row {
        name: "for one service, empty",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_ENDPOINT_URL_STS=",
        ],
        files: &[],
        end: Refused(&["AWS_ENDPOINT_URL_STS is empty"]),
    },
    Row {
        name: "no URL",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_ENDPOINT_URL={P}",
        ],
        files: &[],
        end: Refused(&["AWS_ENDPOINT_URL"]),
    },
    Row {
        name: "of the profile, no URL",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(".aws/config", "[default]\nendpoint_url={P}\n")],
        end: Refused(&["endpoint_url ({H}/.aws/config, line 2)"]),
    },
];
