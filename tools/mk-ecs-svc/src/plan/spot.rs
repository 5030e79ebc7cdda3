//! Which share of an app's tasks runs on Fargate Spot. Pure.

use plumbing::App;

use super::service::{Provider, Settings};

/// What a cluster needs for that, by the names that AWS gives.
pub const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// Whether some of an app's tasks run on Fargate Spot.
pub fn is_wanted(app: &App) -> bool {
    app.scale.spot.is_some_and(|percent| percent > 0)
}

/// The capacity providers of an app's service; none where all of it runs on Fargate. Unless all runs on
/// Spot, one task does not, so that the app survives when AWS takes that back.
pub fn providers(app: &App) -> Vec<Provider> {
    let percent = app.scale.spot.map_or(0, |percent| percent.min(100));
    let percent = i32::try_from(percent).unwrap_or_default();
    let provider = |name: &str, base, weight| Provider {
        name: name.into(),
        base,
        weight,
    };
    let [fargate, spot] = PROVIDERS;
    match percent {
        0 => Vec::new(),
        100 => vec![provider(spot, 0, 1)],
        _ => vec![
            provider(fargate, 1, 100 - percent),
            provider(spot, 0, percent),
        ],
    }
}

/// The percentage that runs on Spot, if some does and nothing runs elsewhere than on Fargate.
pub fn percent(settings: &Settings) -> Option<i32> {
    let providers = &settings.providers;
    let mut names = providers.iter().map(|one| one.name.as_str());
    if !names.all(|name| PROVIDERS.contains(&name)) {
        return None;
    }
    let all: i32 = providers.iter().map(|one| one.weight).sum();
    let spot = providers.iter().find(|one| one.name == PROVIDERS[1])?;
    (all > 0).then(|| spot.weight * 100 / all)
}

/// Its launch type in words, or the capacity providers that it has instead: `FARGATE=1+60
/// FARGATE_SPOT=40` has one task on Fargate, and of all others 60 and 40 percent.
pub fn launch_type(settings: &Settings) -> String {
    if settings.providers.is_empty() {
        return settings.launch_type.clone();
    }
    let words = settings.providers.iter().map(|one| {
        let Provider { name, base, weight } = one;
        match (base, weight) {
            (0, 0 | 1) => name.clone(),
            (0, weight) => format!("{name}={weight}"),
            (base, weight) => format!("{name}={base}+{weight}"),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(spot: Option<u32>) -> Settings {
        let app: App = serde_json::from_value(json!({"name": "web", "spot": spot})).unwrap();
        let providers = providers(&app);
        assert_eq!(is_wanted(&app), !providers.is_empty());
        Settings {
            launch_type: if providers.is_empty() { "FARGATE" } else { "" }.into(),
            providers,
            ..Settings::default()
        }
    }

    #[test]
    fn a_share_is_told_and_read_back() {
        for (spot, told, read) in [
            (None, "FARGATE", None),
            (Some(0), "FARGATE", None),
            (Some(40), "FARGATE=1+60 FARGATE_SPOT=40", Some(40)),
            (Some(1), "FARGATE=1+99 FARGATE_SPOT", Some(1)),
            (Some(100), "FARGATE_SPOT", Some(100)),
        ] {
            let settings = settings(spot);
            assert_eq!(launch_type(&settings), told);
            assert_eq!(percent(&settings), read, "{told}");
        }
    }

    #[test]
    fn what_runs_on_machines_of_somebodys_own_is_no_share() {
        let mut settings = settings(Some(40));
        settings.providers[0].name = "machines".into();
        assert_eq!(percent(&settings), None);
    }
}
