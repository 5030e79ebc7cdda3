//! Proxies and certificates (Python's urllib, botocore's httpsession.py).

use crate::rows::End::{Refused, Same, SameHost};
use crate::rows::{Row, check};

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
