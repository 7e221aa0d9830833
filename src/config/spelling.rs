//! The name that was probably meant.

/// The candidate nearest to `name`, if it is near enough to be a slip of the fingers.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The names in backticks, with commas; a long list is cut.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const LISTED: usize = 20;
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        number if number > LISTED => format!("{} and {} more", names[..LISTED].join(", "), number - LISTED),
        _ => names.join(", "),
    }
}

/// The names of which one is to be chosen: in backticks, the last behind an `or`.
pub(super) fn choices<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let list = listed(names);
    match list.rsplit_once(", ") {
        Some((first, last)) => format!("{first} or {last}"),
        None => list,
    }
}

/// How many insertions, removals, replacements and swaps of neighbours make `left` into `right`; 64 at most are
/// looked at, as longer names are no slips.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(l != r);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["type", "required", "pattern", "from"];
        assert_eq!(nearest("requird", known), Some("required"));
        assert_eq!(nearest("Form", known), Some("from"));
        assert_eq!(nearest("tpye", known), Some("type"));
        assert_eq!(nearest("steps", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(choices(["a"]), "`a`");
        assert_eq!(choices(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b`, `c`");
        assert!(listed(["x"; 25]).ends_with("and 5 more"));
    }
}
