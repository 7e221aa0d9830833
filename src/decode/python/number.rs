//! Numbers as Python writes them.

/// How many bytes at the beginning of `text` could be of one number.
pub(super) fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hexadecimal = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let exponent = !hexadecimal && at > 0 && matches!(bytes[at - 1], b'e' | b'E');
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => {}
            b'+' | b'-' if exponent => {}
            _ => break,
        }
        at += 1;
    }
    at
}

/// The number, which has no sign, as JSON.
///
/// # Errors
/// If it is none, or complex, or an integer of another base with more than 128 bits.
pub(super) fn to_json(text: &str) -> Result<String, String> {
    let refuse = || format!("`{}` is no number", text.chars().take(40).collect::<String>());
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            // `0x_ff` is allowed, and `0x_` is not.
            let digits = plain(digits.strip_prefix('_').unwrap_or(digits), radix).ok_or_else(refuse)?;
            return u128::from_str_radix(&digits, radix).map(|number| number.to_string()).map_err(|_| refuse());
        }
    }
    if lower.ends_with('j') {
        return Err("a complex number has no form in JSON".to_owned());
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return Err(refuse());
    }
    let digits = |text: &str| if text.is_empty() { Some(String::new()) } else { plain(text, 10) };
    let whole = digits(whole).ok_or_else(refuse)?;
    let trimmed = match whole.trim_start_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    if fraction.is_none() && exponent.is_none() && trimmed != "0" && trimmed.len() < whole.len() {
        return Err(refuse());
    }
    let mut json = trimmed.to_owned();
    if let Some(fraction) = fraction {
        let fraction = digits(fraction).ok_or_else(refuse)?;
        json.push('.');
        json.push_str(if fraction.is_empty() { "0" } else { &fraction });
    }
    if let Some(exponent) = exponent {
        let (sign, exponent) = match exponent.strip_prefix(['+', '-']) {
            Some(rest) => (&exponent[..1], rest),
            None => ("", exponent),
        };
        let exponent = plain(exponent, 10).ok_or_else(refuse)?;
        json.push('e');
        json.push_str(sign);
        json.push_str(&exponent);
    }
    Ok(json)
}

/// Digits without the underscores between them; `None` if they are none.
fn plain(text: &str, radix: u32) -> Option<String> {
    let well = text.split('_').all(|part| !part.is_empty() && part.chars().all(|digit| digit.is_digit(radix)));
    well.then(|| text.replace('_', ""))
}
