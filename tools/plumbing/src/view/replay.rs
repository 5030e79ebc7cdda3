//! TEMP
use super::state::State;
use super::*;
use std::io::BufRead;
use std::time::Duration;
#[test]
fn replay() {
    let Ok(speed) = std::env::var("SPEED") else {
        return;
    };
    let speed: u64 = speed.parse().unwrap();
    let tool: &'static str = Box::leak(std::env::var("TOOL").unwrap().into_boxed_str());
    if let Ok(say) = std::env::var("SAY") {
        let speaker = Speaker::open();
        std::thread::sleep(Duration::from_millis(700));
        for w in say.split(';') {
            let (k, t) = w.split_once('=').unwrap();
            let told = match k {
                "note" => Told::Note(t.into()),
                "wait" => Told::Waits(t.into()),
                _ => Told::Error {
                    text: t.into(),
                    hint: Some("do it again".into()),
                },
            };
            speaker.tell(
                Message {
                    tool: tool.into(),
                    told,
                },
                Some(format!("{tool}: {t}\n")),
            );
            std::thread::sleep(Duration::from_millis(700));
        }
        speaker.end();
        return;
    }
    let screen = Screen::open(Wanted {
        tool,
        is_whole: false,
        is_quiet: false,
    })
    .unwrap();
    for line in std::io::stdin().lock().lines() {
        screen
            .see(serde_json::from_str(&line.unwrap()).unwrap())
            .unwrap();
        std::thread::sleep(Duration::from_millis(speed));
    }
    while screen.is_told_more() {
        std::thread::sleep(Duration::from_millis(10));
    }
    screen.end(false).unwrap();
}
