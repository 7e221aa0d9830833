//! Durations and sizes, as the configuration writes them.

use std::time::Duration;

const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a whole number with the unit `ms`, `s`, `m` or `h`.
pub fn duration(text: &str) -> Option<Duration> {
    with_unit(text, &DURATIONS).map(Duration::from_millis)
}

/// Reads a whole number with the unit `B`, `KiB`, `MiB`, `GiB` or `TiB`.
pub fn bytes(text: &str) -> Option<u64> {
    with_unit(text, &SIZES)
}

/// The duration in its largest unit that leaves no rest.
pub(super) fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATIONS)
}

/// The size in its largest unit that leaves no rest.
pub(super) fn show_bytes(bytes: u64) -> String {
    show(bytes, &SIZES)
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().find(|(_, factor)| value > 0 && value.is_multiple_of(*factor));
    match fits.or(units.last()) {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_back_as_they_are_shown() {
        for text in ["250ms", "60s", "5m", "1h", "0ms"] {
            let read = duration(text).expect(text);
            assert_eq!(duration(&show_duration(read)), Some(read), "{text}");
        }
        assert_eq!(show_duration(Duration::from_secs(120)), "2m");
        assert_eq!(show_duration(Duration::from_millis(90_500)), "90500ms");
        assert_eq!(bytes("16MiB"), Some(16 << 20));
        assert_eq!(bytes("3 GiB"), Some(3 << 30));
        assert_eq!(show_bytes(1536), "1536B");
        assert_eq!(show_bytes(1 << 40), "1TiB");
    }

    #[test]
    fn what_has_no_unit_or_an_unknown_one_is_no_quantity() {
        for text in ["", "60", "s", "-1s", "1.5h", "1d", "1h30m", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["16", "16MB", "16M", "MiB", "99999999TiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
