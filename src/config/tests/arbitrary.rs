use proptest::prelude::*;

use super::{EVENTS, REVIEWS, SERVICE, load_with};

/// Checks what holds for any files: values for all of them, or problems that can be shown.
fn check(service: &[u8], pipeline: &[u8]) {
    match load_with(&[("tidegate.toml", service), ("pipelines/p.toml", pipeline)], &[("A", "a")]) {
        Ok(config) => assert_eq!(config.pipelines.len(), 1),
        Err((text, problems)) => {
            assert!(!problems.as_slice().is_empty());
            assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
            for problem in problems.as_slice() {
                assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{text}");
            }
        }
    }
}

/// Words of the configuration and of TOML, in any order: nearer to it than any text.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        "=",
        ".",
        ",",
        "\n",
        "\r\n",
        " ",
        "\t",
        "#",
        "${",
        "${A}",
        "é",
        "\u{feff}",
        "\\u0000",
        "name",
        "freshness",
        "\"60s\"",
        "source",
        "key",
        "\"{a}\"",
        "columns",
        "columns.a",
        "type",
        "\"varchar(64)\"",
        "\"date\"",
        "min",
        "max",
        "pattern",
        "\"(\"",
        "mask",
        "parse",
        "\"%Y\"",
        "target",
        "mode",
        "1",
        "-0x1",
        "1e999",
        "nan",
        "1979-05-27",
        "true",
        "queues",
        "events",
        "staging",
        "uri",
        "\"s3://a\"",
        "warehouse",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// A valid text of which a part is replaced by another.
fn damaged(text: &'static str) -> impl Strategy<Value = String> {
    (0..text.len(), 0..40_usize, words()).prop_map(move |(at, length, by)| {
        let start = text.floor_char_boundary(at);
        let end = text.floor_char_boundary((at + length).min(text.len()));
        format!("{}{by}{}", &text[..start], &text[end..])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(service in prop::collection::vec(any::<u8>(), 0..200), pipeline in "\\PC{0,200}") {
        check(&service, pipeline.as_bytes());
    }

    #[test]
    fn any_words_are_read_or_refused(service in words(), pipeline in words()) {
        check(service.as_bytes(), pipeline.as_bytes());
    }

    #[test]
    fn any_damage_is_read_or_refused(service in damaged(SERVICE), pipeline in damaged(REVIEWS)) {
        check(service.as_bytes(), EVENTS.as_bytes());
        check(SERVICE.as_bytes(), pipeline.as_bytes());
    }
}
