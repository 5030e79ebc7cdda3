//! How a registry asks to sign in (`WWW-Authenticate`). Pure.

use http_auth::{ChallengeRef, parse_challenges};

/// The longest that is read: one has an address and two names.
const LONGEST: usize = 4 << 10;

/// How a registry asks to sign in.
#[derive(Debug, PartialEq)]
pub enum Challenge {
    /// By user and password with each request.
    Basic,
    /// By a token that is given elsewhere.
    Bearer {
        /// Where.
        realm: String,
        /// For whom it is to be, in the words of who gives it.
        service: Option<String>,
    },
}

/// Reads the headers of an answer; a token is preferred. Nothing where none asks in a known way.
pub fn of_headers<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let mut found = None;
    for header in headers {
        if header.len() > LONGEST {
            continue;
        }
        for challenge in parse_challenges(header).unwrap_or_default() {
            if let Some(bearer) = bearer(&challenge) {
                return Some(bearer);
            }
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Challenge::Basic);
            }
        }
    }
    found
}

fn bearer(challenge: &ChallengeRef<'_>) -> Option<Challenge> {
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut realm = None;
    let mut service = None;
    for (name, value) in &challenge.params {
        if name.eq_ignore_ascii_case("realm") {
            realm = Some(value.to_unescaped());
        } else if name.eq_ignore_ascii_case("service") {
            service = Some(value.to_unescaped());
        }
    }
    Some(Challenge::Bearer {
        realm: realm?,
        service,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_asks_for_a_password_or_a_token() {
        let ecr = "Basic realm=\"https://1.dkr.ecr.us-east-1.amazonaws.com/\",\
                   service=\"ecr.amazonaws.com\"";
        assert_eq!(of_headers([ecr]), Some(Challenge::Basic));
        let hub = "bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"";
        let token = Challenge::Bearer {
            realm: "https://auth.docker.io/token".into(),
            service: Some("registry.docker.io".into()),
        };
        assert_eq!(of_headers([ecr, hub]), Some(token));
        assert_eq!(
            of_headers(["Negotiate", "Bearer service=\"x\"", "\u{1}"]),
            None
        );
        assert_eq!(of_headers([]), None);
        let long = format!("Bearer realm=\"https://{}\"", "a".repeat(LONGEST));
        assert_eq!(of_headers([long.as_str()]), None);
    }
}
