//! A Python literal as JSON.

use super::{number, string};

/// How deeply a dict may be nested; JSON's parser refuses as much.
const DEPTH: usize = 127;

/// Appends the dict in `text` to `json`.
///
/// # Errors
/// Why it is none, or has no form in JSON, and in which column, counted in bytes from 1.
pub(super) fn to_json(text: &str, json: &mut String) -> Result<(), String> {
    let mut literal = Literal { text, at: 0 };
    let result = literal.whole(json);
    result.map_err(|message| format!("{message} at column {}", literal.at + 1))
}

struct Literal<'t> {
    text: &'t str,
    at: usize,
}

impl Literal<'_> {
    fn whole(&mut self, json: &mut String) -> Result<(), String> {
        if self.peek() != Some(b'{') {
            return Err("expected a dict".to_owned());
        }
        self.value(json, 0)?;
        match self.peek() {
            None => Ok(()),
            Some(_) => Err("characters follow the dict".to_owned()),
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self, json: &mut String, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("the dict is nested over more than {DEPTH} levels"));
        }
        match self.peek() {
            Some(b'{') => self.dict(json, depth),
            Some(b'[') => self.items(b']', json, depth).map(drop),
            Some(b'(') => self.parentheses(json, depth),
            Some(b'\'' | b'"') => self.text(json),
            Some(b'0'..=b'9' | b'.' | b'+' | b'-') => self.number(json),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => self.word(json),
            Some(_) => Err("expected a value".to_owned()),
            None => Err("the dict is not closed".to_owned()),
        }
    }

    fn dict(&mut self, json: &mut String, depth: usize) -> Result<(), String> {
        self.at += 1;
        json.push('{');
        let mut first = true;
        loop {
            if self.peek() == Some(b'}') {
                break;
            }
            if !std::mem::take(&mut first) {
                json.push(',');
            }
            self.key(json)?;
            match self.peek() {
                Some(b':') => self.at += 1,
                Some(b',' | b'}') => return Err("a set has no form in JSON".to_owned()),
                _ => return Err("expected `:`".to_owned()),
            }
            json.push(':');
            self.value(json, depth + 1)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err("expected `,` or `}`".to_owned()),
            }
        }
        self.at += 1;
        json.push('}');
        Ok(())
    }

    /// A key; numbers, None, True and False become texts, as `json.dumps` has it.
    fn key(&mut self, json: &mut String) -> Result<(), String> {
        let start = json.len();
        match self.peek() {
            Some(b'[' | b'(' | b'{') => return Err("a key that is no text or number has no form in JSON".to_owned()),
            _ => self.value(json, 0)?,
        }
        if json.as_bytes().get(start) != Some(&b'"') {
            json.insert(start, '"');
            json.push('"');
        }
        Ok(())
    }

    /// The items up to `close`; gives how many there were, and whether a comma was the last thing.
    fn items(&mut self, close: u8, json: &mut String, depth: usize) -> Result<(usize, bool), String> {
        self.at += 1;
        json.push('[');
        let mut items = 0;
        let mut comma = false;
        loop {
            if self.peek() == Some(close) {
                break;
            }
            if items > 0 {
                json.push(',');
            }
            self.value(json, depth + 1)?;
            items += 1;
            comma = self.peek() == Some(b',');
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => break,
                _ => return Err(format!("expected `,` or `{}`", char::from(close))),
            }
        }
        self.at += 1;
        json.push(']');
        Ok((items, comma))
    }

    /// A tuple; or a value in parentheses, which are then nothing but that.
    fn parentheses(&mut self, json: &mut String, depth: usize) -> Result<(), String> {
        let start = json.len();
        if let (1, false) = self.items(b')', json, depth)? {
            json.pop();
            json.remove(start);
        }
        Ok(())
    }

    fn word(&mut self, json: &mut String) -> Result<(), String> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if matches!(rest.as_bytes().get(length), Some(b'\'' | b'"')) {
            return self.text(json);
        }
        json.push_str(match &rest[..length] {
            "None" => "null",
            "True" => "true",
            "False" => "false",
            word => return Err(format!("`{}` is no literal", word.chars().take(40).collect::<String>())),
        });
        self.at += length;
        Ok(())
    }

    fn number(&mut self, json: &mut String) -> Result<(), String> {
        let rest = &self.text[self.at..];
        let signs = usize::from(rest.starts_with(['+', '-']));
        let space = rest[signs..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let space = if signs == 0 { 0 } else { space };
        let digits = &rest[signs + space..];
        let length = number::length(digits);
        let number = number::to_json(&digits[..length])?;
        // An integer has no negative zero, and JSON's would be a float's.
        if rest.starts_with('-') && number != "0" {
            json.push('-');
        }
        json.push_str(&number);
        self.at += signs + space + length;
        Ok(())
    }

    /// A text, or several that stand side by side and are one.
    fn text(&mut self, json: &mut String) -> Result<(), String> {
        let mut text = String::new();
        while let Some(byte) = self.peek() {
            let rest = &self.text[self.at..];
            let prefix = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            if !matches!(byte, b'\'' | b'"') && !matches!(rest.as_bytes().get(prefix), Some(b'\'' | b'"')) {
                break;
            }
            let raw = match rest[..prefix].to_ascii_lowercase().as_str() {
                "" | "u" => false,
                "r" => true,
                "b" | "br" | "rb" => return Err("bytes have no form in JSON".to_owned()),
                other => return Err(format!("`{}` begins no text", other.chars().take(40).collect::<String>())),
            };
            self.at += prefix + string::read(&rest[prefix..], raw, &mut text)?;
        }
        json.push_str(&serde_json::Value::String(text).to_string());
        Ok(())
    }
}
