//! Repositories and branches on GitHub, as people write them. Pure.

/// How long the name of an owner and of a repository may be.
const LONGEST_OWNER: usize = 39;
const LONGEST_NAME: usize = 100;
/// How long a branch may be: it is a part of a reference, which is a file's name.
const LONGEST_BRANCH: usize = 255;

/// Checks `OWNER/NAME`.
///
/// Errors: GitHub has none of that name. Where it is plain which one is meant, that is asked. An address
/// is not shown: some hold a token.
pub(crate) fn check_repository(text: &str) -> Result<(), String> {
    if is_repository(text) {
        return Ok(());
    }
    let shown = if text.contains('@') || text.contains("://") {
        "the repository's address".to_string()
    } else {
        format!("repository '{text}'")
    };
    let meant = repository_meant(text).filter(|meant| is_repository(meant));
    Err(format!(
        "{shown} is not OWNER/NAME on GitHub{}",
        question(meant)
    ))
}

fn is_repository(text: &str) -> bool {
    let Some((owner, name)) = text.split_once('/') else {
        return false;
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let is_owner = (1..=LONGEST_OWNER).contains(&owner.len())
        && owner.chars().all(is_word)
        && !owner.starts_with(['-', '_']);
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(|c| is_word(c) || c == '.')
        && !matches!(name, "." | "..")
        && !name.to_ascii_lowercase().ends_with(".git"); // GitHub takes it for the address of another
    is_owner && is_name
}

/// What is left of an address such as `git@github.com:owner/name.git` or of a page of the repository.
fn repository_meant(text: &str) -> Option<String> {
    let path = match text.rsplit_once("github.com") {
        Some((_, path)) => path.trim_start_matches([':', '/']),
        None => text.trim_matches('/'),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/');
    let (owner, name) = (parts.next()?, parts.next()?);
    if parts.next().is_some() && !text.contains("github.com") {
        return None; // there it is a page of the repository
    }
    let end = name.len().saturating_sub(".git".len());
    let is_address = name.is_char_boundary(end) && name[end..].eq_ignore_ascii_case(".git");
    let name = if is_address { &name[..end] } else { name };
    Some(format!("{owner}/{name}"))
}

/// Checks a branch's name (git-check-ref-format), of which CodePipeline takes all that begin no variable.
///
/// Errors: it is no branch's name. Where it is plain which one is meant, that is asked.
pub(crate) fn check_branch(text: &str) -> Result<(), String> {
    if is_branch(text) && !text.starts_with("refs/") {
        return Ok(());
    }
    let meant = ["refs/heads/", "refs/remotes/origin/"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    let meant = meant.unwrap_or(text).trim().to_string();
    let meant = Some(meant).filter(|meant| meant != text && is_branch(meant));
    Err(format!(
        "branch '{text}' is not the name of a branch{}",
        question(meant)
    ))
}

fn is_branch(text: &str) -> bool {
    let is_taken = |c: char| !c.is_control() && !" ~^:?*[\\".contains(c);
    (1..=LONGEST_BRANCH).contains(&text.len())
        && text.chars().all(is_taken)
        && !["..", "@{", "#{"].iter().any(|part| text.contains(part))
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !matches!(text, "@" | "HEAD")
        && text
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

fn question(meant: Option<String>) -> String {
    meant.map_or(String::new(), |meant| format!("; did you mean {meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_repository_on_github_is_one() {
        for good in [
            "o/n",
            "owner/name.js",
            "Owner-1/_.x",
            "octo_corp/git",
            "o/a.git.b",
        ] {
            assert_eq!(check_repository(good), Ok(()), "{good}");
        }
        for bad in [
            "", "n", "o/", "/n", "o/n/m", "o/n m", "o/..", "o/.git", "-o/n", "o.x/n", "o/é",
        ] {
            let why = check_repository(bad).unwrap_err();
            assert!(!why.contains("did you mean"), "{bad}: {why}");
        }
        assert!(check_repository(&format!("{}/n", "o".repeat(40))).is_err());
        assert!(check_repository(&format!("o/{}", "n".repeat(101))).is_err());
    }

    #[test]
    fn whoever_gives_an_address_is_asked_for_the_repository() {
        for address in [
            "owner/web.git",
            "owner/web.GIT",
            "owner/web/",
            "github.com/owner/web",
            "https://github.com/owner/web",
            "https://github.com/owner/web.git",
            "http://www.github.com/owner/web/",
            "https://github.com/owner/web/tree/main",
            "https://github.com/owner/web?tab=readme#x",
            "git@github.com:owner/web.git",
            "ssh://git@github.com/owner/web.git",
            "https://hunter2@github.com/owner/web.git",
        ] {
            let why = check_repository(address).unwrap_err();
            assert!(why.ends_with("; did you mean owner/web"), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
        let elsewhere = check_repository("https://gitlab.com/owner/web").unwrap_err();
        assert_eq!(
            elsewhere,
            "the repository's address is not OWNER/NAME on GitHub"
        );
    }

    #[test]
    fn what_git_or_a_pipeline_would_read_otherwise_is_no_branch() {
        for good in [
            "main",
            "release/1.2",
            "fix-#12",
            "grün",
            "it's",
            "a@b",
            "a{b",
            "heads/x",
            "feature/refs",
        ] {
            assert_eq!(check_branch(good), Ok(()), "{good}");
        }
        for bad in [
            "", "a b", "a//b", "/a", "a/", "-a", "a..b", "#{a}", "a.lock", "a.lock/b", ".a",
            "a/.b", "refs/*", "a.", "@", "HEAD", "a@{1", "a\\b", "a~1", "a^", "a:b", "a?", "a[",
            "a\u{7f}",
        ] {
            let why = check_branch(bad).unwrap_err();
            assert!(!why.contains("did you mean"), "{bad}: {why}");
        }
        assert!(check_branch(&"a".repeat(256)).is_err());
    }

    #[test]
    fn whoever_gives_a_reference_is_asked_for_the_branch() {
        for (text, meant) in [
            ("refs/heads/main", "main"),
            ("refs/heads/feature/x", "feature/x"),
            ("refs/remotes/origin/main", "main"),
            ("main ", "main"),
            ("main\r", "main"),
        ] {
            let why = check_branch(text).unwrap_err();
            assert!(why.ends_with(&format!("; did you mean {meant}")), "{why}");
        }
        let tag = check_branch("refs/tags/v1").unwrap_err();
        assert!(tag.ends_with("is not the name of a branch"), "{tag}");
    }
}
