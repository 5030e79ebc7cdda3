//! Sizes of tasks, as people may write them. Pure.

/// How many CPU units are one vCPU, and how many MiB one GB.
const UNITS: f64 = 1024.0;

/// A size in CPU units or MiB. A person may have registered `1 vCPU` or `0.5GB`, which ECS turns into
/// units; what is neither stays as it is.
pub fn in_units(text: &str, unit: &str) -> String {
    let lower = text.to_lowercase();
    let Some(number) = lower.trim_end().strip_suffix(unit) else {
        return text.into();
    };
    match number.trim().parse::<f64>() {
        Ok(number) => format!("{:.0}", number * UNITS),
        Err(_) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_in_units_however_it_was_written() {
        for (text, unit, units) in [
            ("256", "vcpu", "256"),
            ("1 vCPU", "vcpu", "1024"),
            (".25 vcpu", "vcpu", "256"),
            ("0.5GB", "gb", "512"),
            ("30 GB", "gb", "30720"),
            ("", "gb", ""),
            ("x GB", "gb", "x GB"),
        ] {
            assert_eq!(in_units(text, unit), units, "{text}");
        }
    }
}
