//! Where a registry answers, and under which tag an image is stored in it. Pure.

/// Where a registry answers.
#[derive(Debug, PartialEq)]
pub struct Endpoint {
    /// Its host, and its port where it has one.
    pub host: String,
    /// Whether it is spoken to by HTTP, not by HTTPS.
    pub is_plain_http: bool,
}

/// Reads the address of the registry that a token is for.
///
/// Errors: it is plain HTTP and not on this machine, where anybody could read the token.
pub fn endpoint(url: &str) -> Result<Endpoint, String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!("'{url}' is not the address of a registry"));
    };
    let host = rest.split('/').next().unwrap_or_default();
    let is_plain_http = scheme == "http" && is_this_machine(host);
    if scheme != "https" && !is_plain_http {
        return Err(format!(
            "the registry at {url} would get its token in the clear"
        ));
    }
    Ok(Endpoint {
        host: host.into(),
        is_plain_http,
    })
}

/// Whether a host, with or without a port, is this machine.
pub fn is_this_machine(host: &str) -> bool {
    let is_ipv6 = host.starts_with('[');
    let end = if is_ipv6 { ']' } else { ':' };
    let name = host.split(end).next().unwrap_or_default();
    matches!(name, "localhost" | "[::1") || name.starts_with("127.") || name.ends_with(".localhost")
}

/// The tag under which an image is stored: a registry shows what has none as rubbish. It follows
/// from the digest, so the same image never gets two.
pub fn tag(digest: &str) -> String {
    let hex = digest.split(':').next_back().unwrap_or_default();
    let short = hex.get(..12).unwrap_or(hex);
    format!("sha-{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_from_the_digest() {
        assert_eq!(tag("sha256:0123456789abcdef0123"), "sha-0123456789ab");
    }

    #[test]
    fn a_token_goes_out_in_the_clear_on_this_machine_alone() {
        assert_eq!(
            endpoint("https://1.dkr.ecr.us-east-1.amazonaws.com"),
            Ok(Endpoint {
                host: "1.dkr.ecr.us-east-1.amazonaws.com".into(),
                is_plain_http: false,
            })
        );
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert_eq!(
                endpoint(&format!("http://{host}/")),
                Ok(Endpoint {
                    host: host.into(),
                    is_plain_http: true,
                })
            );
        }
        assert!(endpoint("http://registry.example").is_err() && endpoint("registry").is_err());
    }
}
