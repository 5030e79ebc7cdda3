//! Flags that stand for a whole layout of apps.

use plumbing::App;

/// A flag that stands for a layout of apps.
pub struct Preset {
    /// The flag, without its hyphens.
    pub flag: &'static str,
    /// The app records that are written where the stream holds none, as a person would write them.
    pub apps: &'static [&'static str],
}

/// Every preset. A new one is a new row here, and a flag of its name in `main.rs`.
pub const PRESETS: &[Preset] = &[Preset {
    flag: "private-api",
    apps: &[
        r#"{"name":"web","port":5000,"public":true,"calls":["api"],"health":"/","set":{"ASPNETCORE_URLS":"http://+:5000","ApiAddress":"http://{alb.api.dns}/WeatherForecast"}}"#,
        r#"{"name":"api","port":5000,"health":"/WeatherForecast","set":{"ASPNETCORE_URLS":"http://+:5000"}}"#,
    ],
}];

/// The preset of the first flag that is given. `flags` are all of them: the name, and whether it is
/// given.
pub fn preset(flags: &[(&str, bool)]) -> Option<&'static Preset> {
    PRESETS
        .iter()
        .find(|preset| flags.contains(&(preset.flag, true)))
}

impl Preset {
    /// Its app records.
    pub fn apps(&self) -> Vec<App> {
        let rows = self.apps.iter();
        rows.filter_map(|row| serde_json::from_str(row).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use plumbing::RecordType;

    use super::*;

    #[test]
    fn every_preset_is_a_row_that_reads_as_apps() {
        for preset in PRESETS {
            assert_eq!(preset.apps().len(), preset.apps.len(), "{}", preset.flag);
            preset.apps().iter().for_each(|app| app.check().unwrap());
        }
        assert_eq!(
            preset(&[("private-api", true)]).unwrap().flag,
            "private-api"
        );
        assert!(preset(&[("private-api", false)]).is_none());
    }
}
