//! Scanning text sixteen bytes at a time, by the instructions that every processor of its kind has ([`wide`] knows them); digits eight at a time.

use wide::u8x16;

const ONES: u64 = 0x0101_0101_0101_0101;

/// The place of the first `"`, `\` or control character of `text` from `at` on, or its end; and whether a byte before it is not ASCII.
#[inline(always)]
pub(super) fn string_end(text: &[u8], mut at: usize) -> (usize, bool) {
    const QUOTES: u8x16 = u8x16::new([b'"'; 16]);
    const BACKSLASHES: u8x16 = u8x16::new([b'\\'; 16]);
    const LAST_CONTROLS: u8x16 = u8x16::new([0x1f; 16]);
    let mut non_ascii = 0;
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let block = u8x16::new(*block);
        let controls = block.min(LAST_CONTROLS).simd_eq(block);
        let ends = (block.simd_eq(QUOTES) | block.simd_eq(BACKSLASHES) | controls).to_bitmask();
        let high = block.to_bitmask();
        if ends != 0 {
            let before = ends.trailing_zeros();
            return (at + before as usize, (non_ascii | high & ((1 << before) - 1)) != 0);
        }
        non_ascii |= high;
        at += 16;
    }
    let mut non_ascii = non_ascii != 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        non_ascii |= byte >= 0x80;
        at += 1;
    }
    (at, non_ascii)
}

/// The place of the first `byte` of `text` from `at` on, or its end. Most of what is looked for is near.
#[inline(always)]
pub(super) fn find_byte(text: &[u8], mut at: usize, byte: u8) -> usize {
    const NEAR: usize = 64;
    let far = at + NEAR;
    while at < far {
        let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) else { break };
        let found = u8x16::new(*block).simd_eq(u8x16::splat(byte)).to_bitmask();
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    text.get(at..).and_then(|rest| memchr::memchr(byte, rest)).map_or(text.len(), |found| at + found)
}

/// The place of the first byte from `at` on that is no blank of JSON.
#[inline(always)]
pub(super) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// The place of the first byte from `at` on that is no digit, or the text's end.
#[inline(always)]
fn digits_end(text: &[u8], mut at: usize) -> usize {
    const THREES: u64 = ONES * 0x30;
    const HALVES: u64 = ONES * 0xf0;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        // The high half of a digit is 3, and stays it if 6 is added; what is carried comes from what is no digit.
        let others = (word & HALVES) ^ THREES | (word.wrapping_add(ONES * 6) & HALVES) ^ THREES;
        if others != 0 {
            return at + (others.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// The end of the number that begins at `at`; `None` if there is none of JSON's form.
#[inline(always)]
pub(super) fn number_end(text: &[u8], mut at: usize) -> Option<usize> {
    let digits = |at| digits_end(text, at);
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    let whole = digits(at);
    if whole == at || (text[at] == b'0' && whole > at + 1) {
        return None;
    }
    at = whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == at + 1 {
            return None;
        }
        at = fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        let exponent = digits(at);
        if exponent == at {
            return None;
        }
        at = exponent;
    }
    Some(at)
}

/// Resolves the escapes of a string's inside into `out`, which is cleared first; `None` if one of them stands for no text.
pub(super) fn unescape(inside: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        out.push(match escape {
            b'"' | b'\\' | b'/' => escape,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, after) = unicode(rest)?;
                rest = after;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        });
    }
    out.extend_from_slice(rest);
    Some(())
}

/// The character of the digits behind `\u`, of two such escapes where they are a surrogate pair; and what follows.
fn unicode(rest: &[u8]) -> Option<(char, &[u8])> {
    let (unit, rest) = four_digits(rest)?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Some((char::from_u32(unit)?, rest));
    }
    let (low, rest) = four_digits(rest.strip_prefix(b"\\u")?)?;
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    Some((char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?, rest))
}

fn four_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let value = digits.iter().try_fold(0, |value, digit| Some(value * 16 + (*digit as char).to_digit(16)?))?;
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow_end(text: &[u8], at: usize) -> (usize, bool) {
        let end = text[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        let end = end.map_or(text.len(), |end| at + end);
        (end, !text[at..end].is_ascii())
    }

    proptest! {
        #[test]
        fn a_strings_end_is_found_wherever_it_is(text in prop::collection::vec(any::<u8>(), 0..60), at in 0_usize..60) {
            let at = at.min(text.len());
            prop_assert_eq!(string_end(&text, at), slow_end(&text, at));
        }

        #[test]
        fn texts_of_few_kinds_of_bytes_too(text in prop::collection::vec(prop::sample::select(b"a\x7f\x80\xff\"\\\x1f\x20\x21".to_vec()), 0..40)) {
            prop_assert_eq!(string_end(&text, 0), slow_end(&text, 0));
        }

        #[test]
        fn and_long_texts(
            before in prop::collection::vec(prop::sample::select(b"a\x7f\x20\x21~".to_vec()), 0..120),
            stranger in prop::sample::select(b"\x80\xff\"\\\x1f".to_vec()),
            behind in prop::collection::vec(prop::sample::select(b"a\x80\"".to_vec()), 0..50),
        ) {
            let text = [before, vec![stranger], behind].concat();
            prop_assert_eq!(string_end(&text, 0), slow_end(&text, 0));
        }

        #[test]
        fn a_byte_is_found_near_and_far(text in prop::collection::vec(prop::sample::select(b",;\x2b\x2d\xac\x00".to_vec()), 0..90), at in 0_usize..90) {
            let at = at.min(text.len());
            let found = text[at..].iter().position(|byte| *byte == b';').map_or(text.len(), |found| at + found);
            prop_assert_eq!(find_byte(&text, at, b';'), found);
        }

        #[test]
        fn of_a_byte_among_few_of_its_kind_too(gap in 0_usize..100, tail in 0_usize..20) {
            let text = [vec![b'a'; gap], b";".to_vec(), vec![b'b'; tail]].concat();
            prop_assert_eq!(find_byte(&text, 0, b';'), gap);
        }

        #[test]
        fn numbers_end_where_serde_json_ends_them(text in "[-+0-9.eE]{1,12}") {
            let whole = number_end(text.as_bytes(), 0) == Some(text.len());
            prop_assert_eq!(whole, serde_json::from_str::<serde_json::Number>(&text).is_ok() || overflows(&text));
        }

        #[test]
        fn digits_end_before_what_is_none(digits in "[0-9]{0,25}", behind in prop::collection::vec(any::<u8>().prop_filter("no digit", |byte| !byte.is_ascii_digit()), 0..12)) {
            let text = [digits.as_bytes(), &behind].concat();
            prop_assert_eq!(digits_end(&text, 0), digits.len());
        }

        #[test]
        fn escapes_resolve_as_serde_json_resolves_them(text in r#"([a-c\u{e9}]|\\["\\/bfnrtux]|\\u[0-9a-fA-F]{4}|\\ud8[0-9a-f]{2}\\udc[0-9a-f]{2}){0,12}"#) {
            let mut out = Vec::new();
            let ours = unescape(text.as_bytes(), &mut out).map(|()| out);
            let theirs: Option<String> = serde_json::from_str(&format!("\"{text}\"")).ok();
            prop_assert_eq!(ours, theirs.map(String::into_bytes));
        }
    }

    /// Without `arbitrary_precision` serde_json refuses numbers of JSON's form that no f64 holds; for us their column decides.
    fn overflows(text: &str) -> bool {
        text.parse::<f64>().is_ok_and(f64::is_infinite)
            && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
    }
}
