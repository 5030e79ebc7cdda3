//! Hosts of AWS, proxies and certificates (botocore's configprovider.py, and Python's urllib).

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

#[test]
fn proxies_and_certificates() {
    check(PROXIES);
}

const PROXIES: &[Row] = &[
    Row {
        name: "for plain calls",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTP_PROXY={S}",
            "AWS_ENDPOINT_URL=http://aws.example",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "in small letters",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "http_proxy={P}",
            "HTTP_PROXY=http://127.0.0.1:9",
            "AWS_ENDPOINT_URL=http://aws.example",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "in small letters, and empty",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "http_proxy=",
            "HTTP_PROXY=http://127.0.0.1:9",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "not for this host",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTP_PROXY=http://127.0.0.1:9",
            "NO_PROXY=127.0.0.1",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "not for this host, in small letters",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTP_PROXY=http://127.0.0.1:9",
            "NO_PROXY=x.example",
            "no_proxy=x,127.0.0.1",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "not for any host",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTP_PROXY=http://127.0.0.1:9",
            "NO_PROXY=*",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "not for plain calls",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY=http://127.0.0.1:9",
        ],
        files: &[],
        end: Same,
    },
    Row {
        name: "for secure calls",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY={P}",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "in small letters, for secure calls",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "https_proxy={S}",
            "HTTPS_PROXY=http://127.0.0.1:9",
            "-AWS_ENDPOINT_URL",
        ],
        files: &[],
        end: SameHost,
    },
    Row {
        name: "SOCKS by HTTP_PROXY",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTP_PROXY=socks5h://127.0.0.1:9",
        ],
        files: &[],
        end: Refused(&["HTTP_PROXY", "SOCKS"]),
    },
    Row {
        name: "SOCKS by http_proxy",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "http_proxy=socks5h://127.0.0.1:9",
        ],
        files: &[],
        end: Refused(&["http_proxy", "SOCKS"]),
    },
    Row {
        name: "SOCKS by HTTPS_PROXY",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY=socks5h://127.0.0.1:9",
        ],
        files: &[],
        end: Refused(&["HTTPS_PROXY", "SOCKS"]),
    },
    Row {
        name: "SOCKS by https_proxy",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "https_proxy=socks5h://127.0.0.1:9",
        ],
        files: &[],
        end: Refused(&["https_proxy", "SOCKS"]),
    },
    Row {
        name: "SOCKS by ALL_PROXY",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "ALL_PROXY=socks5h://127.0.0.1:9",
        ],
        files: &[],
        end: Refused(&["ALL_PROXY", "SOCKS"]),
    },
    Row {
        name: "SOCKS by all_proxy",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "all_proxy=socks5h://127.0.0.1:9",
        ],
        files: &[],
        end: Refused(&["all_proxy", "SOCKS"]),
    },
    Row {
        name: "nonsense",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "HTTPS_PROXY=ftp://x",
        ],
        files: &[],
        end: Refused(&["HTTPS_PROXY"]),
    },
    Row {
        name: "a bundle that is not there",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_CA_BUNDLE={H}/none",
        ],
        files: &[],
        end: Refused(&["AWS_CA_BUNDLE", "{H}/none"]),
    },
    Row {
        name: "a bundle of the profile that is not there",
        env: &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"],
        files: &[(".aws/config", "[default]\nca_bundle={H}/none\n")],
        end: Refused(&["ca_bundle ({H}/.aws/config, line 2)", "{H}/none"]),
    },
    Row {
        name: "a bundle without certificates",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_CA_BUNDLE={H}/x",
        ],
        files: &[("x", "x")],
        end: Refused(&["AWS_CA_BUNDLE", "{H}/x"]),
    },
    Row {
        name: "an empty bundle",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "AWS_CA_BUNDLE=",
        ],
        files: &[],
        end: Refused(&["AWS_CA_BUNDLE is empty"]),
    },
    Row {
        name: "a bundle by the name that requests gave it",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "REQUESTS_CA_BUNDLE={H}/none",
        ],
        files: &[],
        end: Refused(&["REQUESTS_CA_BUNDLE", "{H}/none"]),
    },
    Row {
        name: "not for another host",
        env: &[
            "AWS_ACCESS_KEY_ID=AKE",
            "AWS_SECRET_ACCESS_KEY=s",
            "http_proxy={S}",
            "no_proxy=x.example",
        ],
        files: &[],
        end: Same,
    },
];
