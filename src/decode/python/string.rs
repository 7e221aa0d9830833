//! Texts as Python writes them.

/// Appends the text that begins with the quote at the beginning of `source`; gives the length of its literal.
///
/// Where `raw` is true, backslashes are characters. Halves of surrogate pairs that stand side by side are one character, as narrow builds of Python 2 write it.
///
/// # Errors
/// If the text is not closed, or holds what is no character.
pub(super) fn read(source: &str, raw: bool, text: &mut String) -> Result<usize, String> {
    let quote = &source[..1];
    let close = if source.starts_with(&quote.repeat(3)) { quote.repeat(3) } else { quote.to_owned() };
    let mut rest = &source[close.len()..];
    // An empty text is followed by what is no third quote.
    let mut half: Option<u32> = None;
    loop {
        let run = rest.find(['\\', if quote == "'" { '\'' } else { '"' }]).ok_or("a text is not closed")?;
        if run > 0 || rest.starts_with(&close) || !rest.starts_with('\\') {
            no_half(half.take())?;
        }
        text.push_str(&rest[..run]);
        rest = &rest[run..];
        if rest.starts_with(&close) {
            return Ok(source.len() - rest.len() + close.len());
        }
        let Some(escape) = rest.strip_prefix('\\') else {
            // One quote within three.
            text.push_str(quote);
            rest = &rest[1..];
            continue;
        };
        let Some(kind) = escape.chars().next() else { return Err("a text is not closed".to_owned()) };
        let behind = &escape[kind.len_utf8()..];
        if raw {
            text.push('\\');
            text.push(kind);
            rest = behind;
            continue;
        }
        let (code, behind) = match kind {
            '\\' | '\'' | '"' => (u32::from(kind), behind),
            'a' => (7, behind),
            'b' => (8, behind),
            'f' => (12, behind),
            'n' => (10, behind),
            'r' => (13, behind),
            't' => (9, behind),
            'v' => (11, behind),
            '0'..='7' => {
                let length = escape.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                (u32::from_str_radix(&escape[..length], 8).unwrap_or_default(), &escape[length..])
            }
            'x' => hexadecimal(behind, 2)?,
            'u' => hexadecimal(behind, 4)?,
            'U' => hexadecimal(behind, 8)?,
            'N' => return Err("`\\N{…}` is not supported".to_owned()),
            _ => {
                // Not an escape: both characters stand for themselves.
                no_half(half.take())?;
                text.push('\\');
                text.push(kind);
                rest = behind;
                continue;
            }
        };
        rest = behind;
        match (half.take(), code) {
            (None, 0xd800..=0xdbff) => half = Some(code),
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                text.extend(char::from_u32(code));
            }
            (other, code) => {
                no_half(other)?;
                let character = char::from_u32(code).ok_or_else(|| format!("U+{code:04X} is no character"))?;
                text.push(character);
            }
        }
    }
}

fn no_half(half: Option<u32>) -> Result<(), String> {
    half.map_or(Ok(()), |code| Err(format!("U+{code:04X} is half of a character")))
}

fn hexadecimal(text: &str, length: usize) -> Result<(u32, &str), String> {
    let digits = text.get(..length).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    code.map(|code| (code, &text[length..])).ok_or_else(|| format!("an escape lacks its {length} digits"))
}
