//! Hosts of AWS (botocore's configprovider.py and its rules of endpoints).

use crate::rows::End::{Refused, Same, SameHost};
use crate::rows::{Row, check};

#[test]
fn hosts_are_botocores() {
    check(HOSTS);
}

const HOSTS: &[Row] = &[
    Row {
        name: "AWS",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "AWS in China",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_DEFAULT_REGION=cn-north-1",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "AWS by FIPS",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_USE_FIPS_ENDPOINT=true",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "AWS by FIPS of the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(".aws/config", "[default]\nuse_fips_endpoint=True\n")],
        end: SameHost,
    },
    Row {
        name: "a variable turns FIPS off",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_USE_FIPS_ENDPOINT=false",
        ],
        files: &[(".aws/config", "[default]\nuse_fips_endpoint=true\n")],
        end: SameHost,
    },
    Row {
        name: "an empty variable turns FIPS off",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_USE_FIPS_ENDPOINT=",
        ],
        files: &[(".aws/config", "[default]\nuse_fips_endpoint=true\n")],
        end: SameHost,
    },
    Row {
        name: "1 is not true",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_USE_FIPS_ENDPOINT=1",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "AWS by both protocols",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_USE_DUALSTACK_ENDPOINT=true",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "AWS by both protocols, of the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(".aws/config", "[default]\nuse_dualstack_endpoint=true\n")],
        end: SameHost,
    },
    Row {
        name: "AWS by both and FIPS",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_USE_DUALSTACK_ENDPOINT=true",
            "AWS_USE_FIPS_ENDPOINT=TRUE",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "an endpoint to be ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "an endpoint for one service to be ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_STS={S}",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=TRUE",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "an endpoint of the profile to be ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
        ],
        files: &[(".aws/config", "[default]\nendpoint_url={S}\n")],
        end: SameHost,
    },
    Row {
        name: "an endpoint that the profile ignores",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\nendpoint_url={S}\nignore_configured_endpoint_urls=true\n",
        )],
        end: SameHost,
    },
    Row {
        name: "an endpoint not to be ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=1",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "an endpoint not to be ignored, over the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false",
        ],
        files: &[(
            ".aws/config",
            "[default]\nignore_configured_endpoint_urls=true\n",
        )],
        end: SameHost,
    },
    Row {
        name: "with a role, to be ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ACCESS_KEY_ID",
            "AWS_PROFILE=r",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
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
        end: SameHost,
    },
    Row {
        name: "with a web identity, to be ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ACCESS_KEY_ID",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
            "AWS_WEB_IDENTITY_TOKEN_FILE={H}/token",
            "AWS_ROLE_ARN=arn:aws:iam::1:role/w",
        ],
        files: &[("token", "a.b.c")],
        end: Refused(&["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ENDPOINT_URL"]),
    },
    Row {
        name: "FIPS does not go for an endpoint of one's own",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_USE_FIPS_ENDPOINT=true",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "nor do both protocols",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_USE_DUALSTACK_ENDPOINT=true",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "nor does FIPS, by the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\nuse_fips_endpoint=true\nendpoint_url={S}\n",
        )],
        end: Same,
    },
    Row {
        name: "FIPS where an endpoint is ignored",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_USE_FIPS_ENDPOINT=true",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "FIPS beside the endpoint of one service",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_STS={S}",
            "AWS_USE_FIPS_ENDPOINT=true",
        ],
        files: &[],
        end: Refused(&["AWS_ENDPOINT_URL_STS", "AWS_USE_FIPS_ENDPOINT"]),
    },
    Row {
        name: "STS in the region",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_STS_REGIONAL_ENDPOINTS=regional",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "STS in the region, by an empty variable",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_STS_REGIONAL_ENDPOINTS=",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "STS of all regions",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
            "AWS_STS_REGIONAL_ENDPOINTS=legacy",
        ],
        files: &[],
        end: Refused(&["AWS_STS_REGIONAL_ENDPOINTS"]),
    },
    Row {
        name: "STS of all regions, by the profile",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(".aws/config", "[default]\nsts_regional_endpoints=legacy\n")],
        end: Refused(&["sts_regional_endpoints ({H}/.aws/config, line 2)"]),
    },
    Row {
        name: "S3 by its accelerator",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\ns3 =\n  use_accelerate_endpoint = true\n",
        )],
        end: Refused(&["use_accelerate_endpoint", "{H}/.aws/config, line 2"]),
    },
    Row {
        name: "S3 by both protocols",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\ns3 =\n  use_dualstack_endpoint = true\n",
        )],
        end: Refused(&["use_dualstack_endpoint"]),
    },
    Row {
        name: "S3 otherwise",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[(
            ".aws/config",
            "[default]\ns3 =\n  addressing_style = path\n",
        )],
        end: SameHost,
    },
    Row {
        name: "retries are the tools' own",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={S}",
            "AWS_MAX_ATTEMPTS=9",
            "AWS_RETRY_MODE=adaptive",
            "AWS_DEFAULTS_MODE=standard",
        ],
        files: &[],
        end: Same,
    },
];
