//! What must hold for any input at all: the scanner, the records and the names, given bytes that
//! nobody thought of. PROPTEST_CASES=100000 looks longer.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::check;
use crate::name::{self, could_be};
use crate::pipe::Skipping;
use crate::record::{Record, RecordType};
use crate::scan::{Piece, Scanner, on_one_line};
use crate::tags;
use crate::types::{App, Bucket, Env, KNOWN, Pipeline, Role, Service, Source, Vpc};

/// What the scanner finds in a text that arrives cut into chunks, and what it says of the rest.
fn scan(chunks: &[&[u8]]) -> (Vec<Piece>, Result<(), String>) {
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    for chunk in chunks {
        let fed = scanner.feed(chunk, |piece| {
            found.push(piece);
            Ok(())
        });
        if let Err((_, why)) = fed {
            return (found, Err(why));
        }
    }
    (found, scanner.end())
}

/// A text cut at some places.
fn chunks<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

/// Bytes that look like JSON more often than chance would have it.
fn jsonlike() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(b"{}[]\"\\,: \n\r\t0e-.\xff\xc3\xa9\x00u".to_vec());
    vec(prop_oneof![4 => telling, 1 => any::<u8>()], 0..200)
}

/// Any JSON value: wild numbers and texts, nested.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((text(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Any text, and those that have a meaning somewhere.
fn text() -> impl Strategy<Value = String> {
    let (wide, long) = ("é".repeat(300), "x".repeat(300));
    let telling = [
        "",
        "main",
        "web",
        "a/b",
        "../..",
        wide.as_str(),
        long.as_str(),
        "{alb.web.dns}",
        "{{alb.web.dns}}",
        "a\nb",
        "-",
        "arn:aws:ecs:us-east-1:123456789012:service/x",
        ":::::",
        "planned:x",
        "\u{0}",
    ];
    prop_oneof![
        any::<String>(),
        prop::sample::select(telling.map(String::from).to_vec()),
        "[a-z0-9-]{1,40}".prop_map(String::from)
    ]
}

/// Fields of all types.
const FIELDS: &str = "
    environment suffix region account tags plan version port public calls health set image cpu
    memory count grace check architecture repository branch trigger context dockerfile deploy id
    cidr public_subnets private_subnets by arn dns scheme target_group uri policy group cluster
    task_definition status bucket project function pipeline rule message code change changes
    adopted encryption found
";

/// A record of any type, with fields of all types that are more or less what they should be.
fn record() -> impl Strategy<Value = Map<String, Value>> {
    let fields: Vec<&str> = FIELDS.split_whitespace().collect();
    let good = prop_oneof![
        Just(json!([])),
        Just(json!(["subnet-1"])),
        Just(json!({})),
        Just(json!({"A": "{alb.web.dns}"})),
        Just(json!(true)),
        Just(json!("kept")),
        prop::sample::select(vec![
            json!(0),
            json!(1),
            json!(65535),
            json!(70000),
            json!(u32::MAX),
            json!(-1)
        ]),
        text().prop_map(Value::from),
    ];
    let field = (
        prop::sample::select(fields),
        prop_oneof![5 => good, 1 => value()],
    );
    let mut kinds: Vec<&str> = KNOWN.iter().map(|known| known.kind).collect();
    kinds.push("other");
    (prop::sample::select(kinds), text(), vec(field, 0..12)).prop_map(|(kind, name, fields)| {
        let fields = fields
            .into_iter()
            .map(|(field, value)| (field.to_string(), value));
        [
            ("type".to_string(), json!(kind)),
            ("name".to_string(), json!(name)),
        ]
        .into_iter()
        .chain(fields)
        .collect()
    })
}

/// An app's or environment's words, as the checks let them pass.
fn part() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}(-[a-z0-9]{1,7}){0,3}"
}

fn env() -> impl Strategy<Value = Env> {
    ("[a-z][a-z0-9]{0,31}", part()).prop_map(|(environment, suffix)| {
        let name = format!("{environment}-{suffix}");
        let text = json!({"name": name, "environment": environment, "suffix": suffix, "region": "ap-southeast-1", "account": "123456789012"});
        serde_json::from_value(text).unwrap()
    })
}

/// A known record is the same after it was read as its type and written again.
fn comes_back<T: RecordType + PartialEq + std::fmt::Debug>(record: &Record) {
    let Some(typed) = record.typed::<T>() else {
        return;
    };
    assert_eq!(Record::of(&typed).typed::<T>().as_ref(), Some(&typed));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_cut_anywhere_is_the_same_stream(bytes in jsonlike(), cuts in vec(any::<prop::sample::Index>(), 0..8)) {
        prop_assert_eq!(scan(&chunks(&bytes, &cuts)), scan(&[&bytes]));
    }

    #[test]
    fn records_in_a_row_are_found_whole_in_any_layout(
        records in vec((record(), any::<bool>(), "[ \n\r\t]{0,3}"), 0..5),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut input = String::new();
        for (record, pretty, gap) in &records {
            input += &if *pretty { serde_json::to_string_pretty(record) } else { serde_json::to_string(record) }.unwrap();
            input += gap;
        }
        let (found, end) = scan(&chunks(input.as_bytes(), &cuts));
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(found.len(), records.len());
        for (piece, (record, _, _)) in found.iter().zip(&records) {
            let line = on_one_line(&piece.bytes);
            prop_assert!(!line.contains(&b'\n'));
            let read: Map<String, Value> = serde_json::from_slice(&line).unwrap();
            let direct: Map<String, Value> = serde_json::from_slice(&piece.bytes).unwrap();
            prop_assert_eq!(&read, &direct);
            prop_assert_eq!(&read["name"], &record["name"]);
        }
    }

    #[test]
    fn after_a_bad_record_chunks_make_no_difference(
        records in vec(prop_oneof![record().prop_map(|r| serde_json::to_vec(&r).unwrap()), jsonlike()], 0..5),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let input = records.join(&b'\n');
        let passed = |chunks: &[&[u8]]| {
            let (mut skipping, mut passed) = (Skipping::default(), Vec::new());
            chunks.iter().for_each(|chunk| assert!(skipping.feed(chunk, |line, _| passed.push(line.to_vec()))));
            passed
        };
        prop_assert_eq!(passed(&chunks(&input, &cuts)), passed(&[&input]));
    }

    #[test]
    fn any_bytes_are_a_record_or_refused(bytes in jsonlike()) {
        let _ = check::read(&bytes);
    }

    #[test]
    fn a_record_with_a_byte_wrong_is_read_or_refused(
        record in record(), at in any::<prop::sample::Index>(), byte in any::<u8>(), insert in any::<bool>(),
    ) {
        let mut bytes = serde_json::to_vec(&record).unwrap();
        let at = at.index(bytes.len());
        if insert { bytes.insert(at, byte) } else { bytes[at] = byte }
        let _ = check::read(&bytes);
    }

    #[test]
    fn wild_fields_are_read_or_refused_in_words(record in record(), env in env()) {
        match check::read(&serde_json::to_vec(&record).unwrap()) {
            Ok(record) => {
                let _ = check::belongs(&record, &env);
                comes_back::<Env>(&record);
                comes_back::<App>(&record);
                comes_back::<Source>(&record);
                comes_back::<Vpc>(&record);
                comes_back::<Service>(&record);
                comes_back::<Bucket>(&record);
                comes_back::<Role>(&record);
                comes_back::<Pipeline>(&record);
                let _ = env.named("service", record.name(), name::LOAD_BALANCER_LIMIT); // rm-env asks for any
            }
            Err(why) => prop_assert!(!why.is_empty()),
        }
    }

    #[test]
    fn what_nests_deeply_is_refused_and_costs_no_stack(depth in 0usize..200_000, open in prop::sample::select(vec!["[", "{\"a\":"])) {
        let input = format!("{{\"type\":\"x\",\"name\":\"y\",\"deep\":{}", open.repeat(depth));
        let _ = scan(&[input.as_bytes()]);
        let _ = check::read(input.as_bytes());
    }

    #[test]
    fn a_name_fits_its_service_and_is_known_again(env in env(), app in part(), limit in 32usize..256) {
        prop_assume!(app.len() <= 32 && env.suffix.len() <= 32);
        for kind in ["alb", "tg", "execution", "repo", "service", "function", "rule"] {
            let name = env.named(kind, &app, limit);
            prop_assert!(name.len() <= limit, "{}", name);
            prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", name);
            prop_assert!(!name.starts_with('-') && !name.ends_with('-') && !name.contains("--"), "{}", name);
            prop_assert!(could_be(&name, kind, &env.name, limit), "{}", name);
        }
    }

    #[test]
    fn two_apps_of_an_environment_never_share_a_name(env in env(), apps in (part(), part()), limit in 32usize..256) {
        prop_assume!(apps.0 != apps.1);
        prop_assert_ne!(env.named("alb", &apps.0, limit), env.named("alb", &apps.1, limit));
    }

    #[test]
    fn any_name_is_cut_within_its_limit(name in text(), limit in 32usize..256) {
        prop_assert!(name::cut(&name, limit).len() <= limit);
    }

    #[test]
    fn what_the_checks_let_pass_is_what_the_services_take(word in prop_oneof![part(), text()], key in text(), value in text()) {
        if name::check_part("app", &word).is_ok() {
            prop_assert!(word.len() <= 32 && word.is_ascii() && !word.contains(char::is_whitespace));
        }
        if tags::check_one(&key, &value).is_ok() {
            prop_assert!(key.chars().count() <= 127 && value.chars().count() <= 255);
            prop_assert!(!key.contains(char::is_control) && !value.contains(char::is_control));
        }
    }
}
