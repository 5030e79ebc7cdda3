//! What is wrong with a record, or with who gives the credentials, is told without any value.

use support::{ENV, LocalAws, Output, pipe_at, tool};

const SECRET: &str = "hunter2";

fn assert_nothing_leaks(output: &Output) {
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(!told.contains(SECRET) && !told.contains("5555"), "{told}");
}

#[test]
fn a_field_of_a_wrong_type_is_told_without_its_value() {
    for (record, why) in [
        (
            r#"{"type":"app","name":"web","set":"hunter2"}"#,
            "app record: set: a text, where an object belongs",
        ),
        (
            r#"{"type":"app","name":"web","set":{"PIN":5555}}"#,
            "app record: set PIN: a number, where a text belongs; write it in quotes",
        ),
        (
            r#"{"type":"app","name":"web","set":{"hunter2 =":"x"}}"#,
            "app record: set: the name of a variable holds a =",
        ),
        (
            r#"{"type":"app","name":"web","calls":["api","hunter2",["hunter2"]]}"#,
            "app record: calls[2]: a list, where a text belongs",
        ),
        (
            r#"{"type":"source","name":"web","repository":"https://hunter2@github.com/o/n.git"}"#,
            "source record: the repository's address is not OWNER/NAME on GitHub; did you mean o/n",
        ),
        (
            r#"{"type":"app","name":"web","check":["hunter2"]}"#,
            "app record: check: a list, where a text belongs",
        ),
        (
            r#"{"type":"app","name":"web","port":"hunter2"}"#,
            "app record: port: a text, where a whole number from 0 to 65535 belongs",
        ),
        (
            r#"{"type":"env","name":"a-b","tags":{"a":5555}}"#,
            "env record: tags a: a number, where a text belongs",
        ),
        (
            r#"{"type":"source","name":"web","repository":5555}"#,
            "source record: repository: a number, where a text belongs",
        ),
        (
            r#"{"type":"failed","name":"x","message":5555}"#,
            "failed record: message: a number, where a text belongs",
        ),
        (
            r#"{"type":"vpc","name":"main","id":"x","cidr":"x","change":"hunter2"}"#,
            "vpc record: change: a text, where one of kept, created, ",
        ),
        (
            r#"{"type":"unwanted","name":"x","record":"hunter2"}"#,
            "unwanted record: record: a text, where an object belongs",
        ),
        (
            r#"{"type":"app","name":"web","set":{"A":"hunter2\u0000"}}"#,
            "app record: set A: its value holds a NUL",
        ),
    ] {
        let output = tool("mk-app", &["other"], &format!("{ENV}\n{record}\n"));
        assert_eq!(output.code, 65, "{output:?}");
        assert!(output.stderr.contains(why), "{}", output.stderr);
        assert!(output.stdout.contains("\"failed\""), "{}", output.stdout);
        assert_nothing_leaks(&output);
    }
}

#[test]
fn what_a_credential_process_writes_is_not_told() {
    let aws = LocalAws::start();
    for (program, told) in [
        (
            "echo hunter2 >&2; exit 3",
            "the credential_process of the profile 'mine' ended with exit status: 3",
        ),
        (
            "echo hunter2",
            "the credential_process of the profile 'mine' answered none",
        ),
    ] {
        let pipe = format!(
            "d=$(mktemp -d); trap 'rm -r $d' EXIT; echo '{program}' > $d/get; \
             printf '[profile mine]\\nregion=us-east-1\\ncredential_process=sh %s/get\\n' $d > $d/config; \
             unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; export AWS_CONFIG_FILE=$d/config AWS_PROFILE=mine; \
             mk-env production pr1"
        );
        let output = pipe_at(&aws.url, &pipe, "");
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains(told), "{}", output.stderr);
        assert_eq!(output.messages().len(), 1, "{}", output.stderr);
        assert_nothing_leaks(&output);
    }
}
