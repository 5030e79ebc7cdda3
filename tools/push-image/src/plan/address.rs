//! Where a registry answers, where else a request may go and with what, and under which tag an
//! image is stored. Hosts are compared whole, as a URL is read: what begins or ends like one is
//! another one. Pure.

use std::net::IpAddr;

use plumbing::Env;
use plumbing::reference::Reference;
use reqwest::Url;

/// Registries whose tokens come from another host of the same owner, as each documents it. Without
/// credentials alone: nothing of ours goes there.
const TOKEN_HOSTS: &[(&str, &str)] = &[
    ("index.docker.io", "auth.docker.io"),
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
    ("docker.elastic.co", "docker-auth.elastic.co"),
    ("lscr.io", "ghcr.io"),
];

/// Reads the address of the account's own registry, to which its token goes. `aws` is where AWS is
/// asked, if not at AWS's own addresses.
///
/// Errors: it is plain HTTP and not on this machine, where anybody could read the token; or the
/// host of somebody else.
pub fn of_account(url: &str, env: &Env, aws: Option<&str>) -> Result<Url, String> {
    let Ok(parsed) = Url::parse(url) else {
        return Err(format!("'{url}' is not the address of a registry"));
    };
    check_plain(&parsed)?;
    if is_this_machine(&parsed) {
        return Ok(origin_of(&parsed));
    }
    if parsed.scheme() != "https" {
        return Err(format!(
            "the registry at {url} would get its token in the clear"
        ));
    }
    let host = host_of(&parsed);
    if hosts_of_account(env).iter().any(|own| own == host) || is_at(host, aws) {
        return Ok(origin_of(&parsed));
    }
    let own = env.registry();
    Err(format!(
        "the registry of the account is {own}, and its token is said to be for {host}"
    ))
}

/// The address of the registry that a reference names.
pub fn of_reference(reference: &Reference) -> Result<Url, String> {
    let host = match reference.registry.as_str() {
        "docker.io" => "index.docker.io", // where Docker Hub answers
        other => other,
    };
    let parsed = Url::parse(&format!("https://{host}"));
    let url = parsed.map_err(|why| format!("'{host}' is not a host: {why}"))?;
    if is_this_machine(&url)
        && let Ok(plain) = Url::parse(&format!("http://{host}"))
    {
        return Ok(plain); // a registry for tests has no certificate
    }
    Ok(url)
}

/// Where an answer of `from` leads: by a redirect, or as the address of an upload.
///
/// Errors: it is no address; or it leaves HTTPS, where anybody could read and change what is sent.
pub fn follow(from: &Url, location: &str) -> Result<Url, String> {
    let Ok(to) = from.join(location) else {
        return Err("the registry leads to what is no address".into());
    };
    check_plain(&to)?;
    let is_on_this_machine = from.scheme() == "http" && is_this_machine(&to);
    if to.scheme() != "https" && !is_on_this_machine {
        let scheme = to.scheme();
        let host = host_of(&to);
        return Err(format!(
            "the registry leads to {scheme}://{host}, which is not HTTPS"
        ));
    }
    Ok(to)
}

/// Whether what opens a registry may go with a request: to its own scheme, host and port alone.
pub fn is_of(registry: &Url, url: &Url) -> bool {
    registry.origin() == url.origin()
}

/// Where a registry's token is asked for, as its answer says.
///
/// Errors: that is not at the registry, nor where its owner documents it.
pub fn realm(registry: &Url, realm: &str, has_password: bool) -> Result<Url, String> {
    let Ok(url) = registry.join(realm) else {
        return Err("the registry asks to sign in at what is no address".into());
    };
    check_plain(&url)?;
    if is_of(registry, &url) {
        return Ok(url);
    }
    let pair = (host_of(registry), host_of(&url));
    let is_https = url.scheme() == "https" && url.port().is_none();
    if is_https && !has_password && TOKEN_HOSTS.contains(&pair) {
        return Ok(url);
    }
    let (origin, own) = (url.origin().ascii_serialization(), host_of(registry));
    let what = if has_password {
        "the password is not sent"
    } else {
        "nothing is asked"
    };
    Err(format!(
        "the registry asks to sign in at {origin}, which is not {own}: {what} there"
    ))
}

/// Whether an address is of this machine: one of the loopback, or localhost. What only begins like
/// one, as 127.0.0.1.example.com, is a name of somebody's.
pub fn is_this_machine(url: &Url) -> bool {
    let host = host_of(url);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// How people know where a registry answers: its host, with a port that is not the usual one.
pub fn host_and_port(url: &Url) -> String {
    match url.port() {
        Some(port) => format!("{}:{port}", host_of(url)),
        None => host_of(url).to_string(),
    }
}

/// The tag under which an image is stored: a registry shows what has none as rubbish. It follows
/// from the digest, so the same image never gets two.
pub fn tag(digest: &str) -> String {
    let hex = digest.split(':').next_back().unwrap_or_default();
    let short = hex.get(..12).unwrap_or(hex);
    format!("sha-{short}")
}

/// The names under which AWS answers for an account's registry: its own, those for FIPS, and those
/// for IPv6 as well.
fn hosts_of_account(env: &Env) -> Vec<String> {
    let own = env.registry();
    let fips = own.replacen(".dkr.ecr.", ".dkr.ecr-fips.", 1);
    let mut hosts = vec![own, fips];
    for domain in ["on.aws", "on.amazonwebservices.com.cn"] {
        for service in ["dkr-ecr", "dkr-ecr-fips"] {
            let (account, region) = (&env.account, &env.region);
            hosts.push(format!("{account}.{service}.{region}.{domain}"));
        }
    }
    hosts
}

/// Whether a host is where AWS is asked, or a name below it: an AWS of somebody's own.
fn is_at(host: &str, aws: Option<&str>) -> bool {
    let Some(Ok(aws)) = aws.map(Url::parse) else {
        return false;
    };
    match host.strip_suffix(host_of(&aws)) {
        Some(below) => below.is_empty() || below.ends_with('.') && aws.domain().is_some(),
        None => false,
    }
}

/// Refuses an address that has credentials in it, or is not of HTTP.
fn check_plain(url: &Url) -> Result<(), String> {
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if has_credentials || !matches!(url.scheme(), "http" | "https") {
        let host = host_of(url);
        return Err(format!(
            "the registry's answer names an odd address at '{host}'"
        ));
    }
    Ok(())
}

/// Scheme, host and port of an address.
fn origin_of(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    origin
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use plumbing::reference;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// Where the account's token goes that is said to be for an address.
    fn own(text: &str) -> Result<String, String> {
        let env = Env::example();
        of_account(text, &env, None).map(|url| url.to_string())
    }

    #[test]
    fn a_tag_follows_from_the_digest() {
        assert_eq!(tag("sha256:0123456789abcdef0123"), "sha-0123456789ab");
    }

    #[test]
    fn a_token_goes_to_the_registry_of_the_account() {
        for host in [
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "123456789012.dkr-ecr.us-east-1.on.aws",
        ] {
            assert_eq!(
                own(&format!("https://{host}")),
                Ok(format!("https://{host}/"))
            );
            assert!(own(&format!("http://{host}")).is_err(), "in the clear");
        }
        for host in [
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com@evil.example",
            "evil.example/123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "evil-123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "999999999999.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "evil.example#.amazonaws.com",
        ] {
            assert!(own(&format!("https://{host}")).is_err(), "{host}");
        }
        assert!(own("registry").is_err() && own("file:///x").is_err());
    }

    #[test]
    fn a_token_goes_out_in_the_clear_on_this_machine_alone() {
        for host in [
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
        ] {
            assert_eq!(
                own(&format!("http://{host}/")),
                Ok(format!("http://{host}/"))
            );
        }
        for host in [
            "127.0.0.1.evil.example",
            "127.evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "localhost.",
            "127.0.0.1@evil.example",
            "[::1]@evil.example",
            "[::2]:5000",
            "128.0.0.1",
            "0.0.0.0",
        ] {
            assert!(own(&format!("http://{host}/")).is_err(), "{host}");
        }
    }

    #[test]
    fn an_aws_of_somebodys_own_has_its_registry_there() {
        let env = Env::example();
        let aws = Some("https://aws.example:4566");
        let is_taken = |text: &str| of_account(text, &env, aws).is_ok();
        assert!(is_taken("https://aws.example:4510"));
        assert!(is_taken("https://1.dkr.ecr.us-east-1.aws.example:4566"));
        assert!(!is_taken("https://evil-aws.example"));
        assert!(!is_taken("https://aws.example.evil.example"));
        assert!(!is_taken("http://aws.example:4566"), "in the clear");
        let aws = Some("https://10.0.0.1");
        assert!(of_account("https://1.10.0.0.1", &env, aws).is_err());
        assert!(of_account("https://evil.example", &env, Some("https://")).is_err());
    }

    #[test]
    fn only_a_registry_on_this_machine_is_spoken_to_in_the_clear() {
        let address = |text: &str| {
            let reference = reference::parse(text).unwrap();
            of_reference(&reference).unwrap().to_string()
        };
        assert_eq!(address("web"), "https://index.docker.io/");
        assert_eq!(address("ghcr.io/a/b"), "https://ghcr.io/");
        assert_eq!(address("127.0.0.1:5000/a"), "http://127.0.0.1:5000/");
        assert_eq!(address("[::1]:5000/a"), "http://[::1]:5000/");
        assert_eq!(address("localhost/a"), "http://localhost/");
        let like_one = address("127.0.0.1.evil.example/a");
        assert_eq!(like_one, "https://127.0.0.1.evil.example/");
        assert_eq!(address("a.localhost:5000/a"), "https://a.localhost:5000/");
    }

    #[test]
    fn an_answer_leads_nowhere_out_of_https() {
        let registry = url("https://registry.example/v2/web/blobs/uploads/");
        let to = |location: &str| follow(&registry, location).map(|url| url.to_string());
        assert_eq!(
            to("/v2/x?a=b"),
            Ok("https://registry.example/v2/x?a=b".into())
        );
        assert_eq!(
            to("https://s3.example/x"),
            Ok("https://s3.example/x".into())
        );
        for location in [
            "http://registry.example/x",
            "http://127.0.0.1/x",
            "http://169.254.169.254/latest/meta-data",
            "https://user:password@registry.example/",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(to(location).is_err(), "{location}");
        }
        let here = url("http://127.0.0.1:5000");
        assert!(follow(&here, "http://localhost:5001/x").is_ok());
        assert!(follow(&here, "http://registry.example/x").is_err());
    }

    #[test]
    fn what_opens_a_registry_goes_to_its_own_host_and_port() {
        let registry = url("https://registry.example");
        assert!(is_of(&registry, &url("https://registry.example:443/v2/")));
        for other in [
            "https://registry.example.evil.example/",
            "https://registry.example:8443/",
            "http://registry.example/",
            "https://evil.example/registry.example",
        ] {
            assert!(!is_of(&registry, &url(other)), "{other}");
        }
    }

    #[test]
    fn one_signs_in_at_the_registry_or_where_its_owner_says() {
        let hub = url("https://index.docker.io");
        let hubs = "https://auth.docker.io/token";
        assert!(realm(&hub, hubs, false).is_ok());
        assert!(
            realm(&hub, hubs, true).is_err(),
            "no password goes to another host"
        );
        assert!(realm(&hub, "http://auth.docker.io/token", false).is_err());
        assert!(realm(&hub, "https://auth.docker.io.evil.example/token", false).is_err());
        assert!(realm(&hub, "https://auth.docker.io:8443/token", false).is_err());
        let own = url("https://registry.example:5000");
        for has_password in [false, true] {
            assert!(realm(&own, "https://registry.example:5000/t", has_password).is_ok());
            assert!(realm(&own, "/token", has_password).is_ok());
            for other in [
                "http://169.254.169.254/",
                hubs,
                "http://registry.example:5000/t",
            ] {
                assert!(realm(&own, other, has_password).is_err(), "{other}");
            }
        }
        let refused = realm(&own, "https://evil.example/t?a=b", true).unwrap_err();
        assert_eq!(
            refused,
            "the registry asks to sign in at https://evil.example, which is not registry.example: \
             the password is not sent there"
        );
    }
}
