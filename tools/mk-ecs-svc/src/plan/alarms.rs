//! The alarms on which ECS takes a deployment back. Pure.

use plumbing::App;

use super::service::Settings;

/// The names of those that an app asks for, in order.
pub fn wanted(app: &App) -> Vec<String> {
    let mut alarms = app.deploy.rollback_on.clone();
    alarms.sort();
    alarms
}

/// What an app's record says of them: nothing of alarms that take nothing back.
pub fn said(settings: &Settings) -> Vec<String> {
    if settings.alarms_roll_back {
        settings.alarms.clone()
    } else {
        Vec::new()
    }
}

/// In words.
pub fn words(settings: &Settings) -> String {
    let names = settings.alarms.join(", ");
    match (names.is_empty(), settings.alarms_roll_back) {
        (true, _) => "none".into(),
        (false, true) => names,
        (false, false) => format!("{names} (brings nothing back)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_told_in_one_order_and_those_that_take_nothing_back_are_no_wish() {
        let app = r#"{"name":"web","rollback_on":["slow","5xx"]}"#;
        let app: App = serde_json::from_str(app).unwrap();
        let mut settings = Settings {
            alarms: wanted(&app),
            alarms_roll_back: true,
            ..Settings::default()
        };
        assert_eq!(words(&settings), "5xx, slow");
        assert_eq!(said(&settings), ["5xx", "slow"]);
        settings.alarms_roll_back = false;
        assert_eq!(words(&settings), "5xx, slow (brings nothing back)");
        assert!(said(&settings).is_empty());
        assert_eq!(words(&Settings::default()), "none");
    }
}
