//! How many tasks a service has, where that follows from a range. Pure.

use plumbing::{App, Range};

/// The app's count, brought into its range.
pub fn at_first(app: &App) -> i32 {
    let count = i32::try_from(app.count).unwrap_or(i32::MAX);
    match app.scale.range() {
        Some(Range { least, most }) => count.clamp(least, most),
        None => count,
    }
}

/// Whether a count is one that Application Auto Scaling may have set: within the app's range, or one that
/// it has at some times. `wanted` is the count that a service is made with, 0 where it has no image.
pub fn stays(app: &App, count: i32, wanted: i32) -> bool {
    let Some(range) = app.scale.range() else {
        return false;
    };
    let mut ranges = app.scale.scheduled();
    let mut ranges = ranges.drain(..).map(|one| one.range).chain([range]);
    wanted >= range.least && ranges.any(|one| (one.least..=one.most).contains(&count))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_stays_within_the_ranges_that_an_app_has() {
        let app: App = serde_json::from_value(json!({
            "name": "web", "count": 1, "scale": "2..4", "scale_at": ["rate(1 day)=6..8"],
        }))
        .unwrap();
        assert_eq!(at_first(&app), 2);
        for (count, expected) in [(1, false), (2, true), (4, true), (5, false), (7, true)] {
            assert_eq!(stays(&app, count, 2), expected, "{count}");
        }
        // Without an image there are no tasks.
        assert!(!stays(&app, 2, 0));
        let without: App = serde_json::from_value(json!({"name": "web", "count": 3})).unwrap();
        assert_eq!((at_first(&without), stays(&without, 3, 3)), (3, false));
    }
}
