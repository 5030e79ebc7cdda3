//! The names of the variables that we set, as the text of a container's label. Pure.

/// What stands between two names, and what begins the code of a character in one.
const BETWEEN: char = ' ';
const ESCAPE: char = '%';

/// The text that holds names.
pub fn label(names: &[String]) -> String {
    let mut words = Vec::new();
    for name in names {
        words.push(name.replace(ESCAPE, "%25").replace(BETWEEN, "%20"));
    }
    words.join(" ")
}

/// The names that a text holds.
pub fn names(label: &str) -> Vec<String> {
    let mut names = Vec::new();
    for word in label.split(BETWEEN).filter(|word| !word.is_empty()) {
        names.push(word.replace("%20", " ").replace("%25", "%"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_comes_back() {
        let all = [
            "A",
            "spring.datasource.url",
            "a b",
            " ",
            "%20",
            "%2520",
            "a\tb",
            "é",
        ];
        let all = all.map(String::from);
        assert_eq!(names(&label(&all)), all);
        assert_eq!(label(&all[..2]), "A spring.datasource.url");
        assert_eq!(names(""), Vec::<String>::new());
    }
}
