//! The pattern of a source's keys, and what it captures.

use regex::Regex;

/// A pattern such as `reviews/downloaded_at={downloaded_at}/*.json.gz`.
///
/// `*` stands for any characters but `/`, `**` for any characters, `{name}` for at least one character but `/`, which
/// is captured. All else stands for itself. A pattern matches whole keys.
#[derive(Debug, Clone)]
pub struct KeyPattern {
    text: String,
    regex: Regex,
    captures: Vec<String>,
}

/// What a key's captures hold, in the order of [`KeyPattern::captures`].
pub type Captures = Vec<String>;

impl KeyPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Err(format!("`{text}`: keys begin without a `/`; remove it"));
        }
        let mut regex = String::from("(?s)^");
        let mut captures: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("**") {
                regex.push_str(".*");
                rest = after;
            } else if let Some(after) = rest.strip_prefix('*') {
                regex.push_str("[^/]*");
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (name, after) =
                    after.split_once('}').ok_or_else(|| format!("`{text}`: a `{{` lacks its closing `}}`"))?;
                let valid = name.starts_with(|first: char| first.is_ascii_lowercase())
                    && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
                if !valid {
                    return Err(format!("`{{{name}}}`: a capture's name is lower-case letters, digits and `_`"));
                }
                if captures.iter().any(|known| known == name) {
                    return Err(format!("`{{{name}}}` stands twice in the pattern; name each capture once"));
                }
                captures.push(name.to_owned());
                regex.push_str("([^/]+?)");
                rest = after;
            } else {
                regex.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                rest = &rest[next.len_utf8()..];
            }
        }
        regex.push('$');
        let regex = Regex::new(&regex).map_err(|error| format!("`{text}` is too large a pattern: {error}"))?;
        Ok(KeyPattern { text: text.to_owned(), regex, captures })
    }

    /// The names captured, in the order of the pattern.
    pub fn captures(&self) -> &[String] {
        &self.captures
    }

    /// What `key` captures; `None` if it does not match.
    pub fn matches(&self, key: &str) -> Option<Captures> {
        let found = self.regex.captures(key)?;
        Some(found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect())
    }

    /// What all matching keys begin with: the pattern up to its first `*` or `{`.
    pub fn literal_prefix(&self) -> &str {
        let end = self.text.find(['*', '{']).unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, key: &str) -> Option<Vec<String>> {
        KeyPattern::parse(pattern).expect(pattern).matches(key)
    }

    #[test]
    fn a_star_stays_within_its_folder_and_two_do_not() {
        assert!(captures("a/*.gz", "a/b.gz").is_some());
        assert!(captures("a/*.gz", "a/b/c.gz").is_none());
        assert!(captures("a/**.gz", "a/b/c.gz").is_some());
        assert!(captures("a/*", "xa/b").is_none());
        assert!(captures("a.gz", "abgz").is_none());
    }

    #[test]
    fn captures_take_one_part_of_the_key() {
        let found = captures("reviews/at={at}/{name}.json", "reviews/at=2026112100/part-é 1.json");
        assert_eq!(found, Some(vec!["2026112100".to_owned(), "part-é 1".to_owned()]));
        assert_eq!(captures("reviews/at={at}/x", "reviews/at=/x"), None);
        assert_eq!(captures("{a}.{b}", "x\ny.z"), Some(vec!["x\ny".to_owned(), "z".to_owned()]));
    }

    #[test]
    fn the_literal_prefix_ends_before_what_varies() {
        for (pattern, prefix) in [("a/b{c}/*", "a/b"), ("a/*{c}", "a/"), ("a/b.gz", "a/b.gz"), ("{a}", "")] {
            assert_eq!(KeyPattern::parse(pattern).expect(pattern).literal_prefix(), prefix);
        }
    }

    #[test]
    fn a_pattern_that_cannot_work_says_why() {
        for (pattern, reason) in
            [("/a", "without a `/`"), ("{a", "closing"), ("{A}", "lower-case"), ("{a}/{a}", "twice")]
        {
            let error = KeyPattern::parse(pattern).expect_err(pattern);
            assert!(error.contains(reason), "{pattern}: {error}");
        }
    }
}
