//! TEMP
use super::state::State;
use super::*;
use std::time::{Duration, Instant};
#[test]
fn replay() {
    let file = std::env::var("REPLAY").unwrap_or_default();
    let Ok(text) = std::fs::read_to_string(file) else {
        return;
    };
    let begun = Instant::now();
    let mut state = State::new(
        Box::leak(std::env::var("TOOL").unwrap().into_boxed_str()),
        begun,
        false,
    );
    let width: usize = std::env::var("W").unwrap().parse().unwrap();
    for (at, line) in text.lines().enumerate() {
        let now = begun + Duration::from_millis(1700 * at as u64);
        state.see(serde_json::from_str(line).unwrap(), now);
        if at % 16 == 15 {
            let (tool, told) = (
                "mk-vpc".to_string(),
                Told::Waits(format!(
                    "nat gateway nat-f2bbc15dbf1688725 of zone us-east-1{at} is still pending"
                )),
            );
            state.hear(Message { tool, told }, now);
            let (app, what, n, of) = ("web".into(), "tasks".into(), 1, 2);
            state.hear(
                Message {
                    tool: "wait-env".into(),
                    told: Told::Progress {
                        app,
                        what,
                        now: n,
                        of,
                    },
                },
                now,
            );
            println!("-----{at}");
            for line in frame::lines(&state, (width, 23), now) {
                println!("{}", line.fitted(width, false));
            }
        }
    }
    println!("-----end");
    for line in end::lines(&state, width, begun + Duration::from_secs(161)) {
        println!("{}", line.fitted(width, false));
    }
}
