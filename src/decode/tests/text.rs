use super::support::{Told, data, fields, file, refused, whole};
use crate::config::{CsvOptions, Format, LinePattern, TextOptions};
use crate::model::{Rule, TextEncoding};

fn text(pattern: &str) -> TextOptions {
    TextOptions {
        pattern: LinePattern::parse(pattern).expect(pattern),
        null_values: vec!["-".to_owned()],
        comment: Some(b'#'),
        skip_lines: 0,
    }
}

#[test]
fn named_groups_are_fields_and_a_dash_is_null() {
    let mut options = text(r"(?<ip>\S+) (?<user>\S+)(?: (?<rest>\S+))?");
    options.skip_lines = 1;
    let data = b"title of it\n#Fields: ip\n1.2.3.4 - x\r\n5.6.7.8 joe\nnone\n1 2 3 4\n";
    let seen = whole(Format::Text(options), &fields(&["ip", "user", "rest", "other"]).with_extras(), data);
    assert_eq!(seen[0].row(), [Some("'1.2.3.4"), Some("null"), Some("'x"), None]);
    assert_eq!(seen[1].row(), [Some("'5.6.7.8"), Some("'joe"), None, None]);
    assert_eq!(refused(&seen), [(5, Rule::Syntax), (6, Rule::Syntax)], "a pattern describes whole lines");
    assert_eq!(seen[1].place.offset, Some(37));
    let seen = whole(Format::Text(text("(?<ip>.*)")), &fields(&[]).with_extras(), b"x");
    assert_eq!(seen[0].told, Told::Row(vec![], vec![("ip".to_owned(), "'x".to_owned())]));
}

#[test]
fn patterns_that_cannot_work_are_refused() {
    for pattern in ["(", "no group", "(unnamed)", "(?<a>x){5000}{5000}"] {
        assert!(LinePattern::parse(pattern).is_err(), "{pattern}");
    }
    assert_eq!(LinePattern::parse("(?<a>x)"), LinePattern::parse("(?<a>x)"));
    assert_ne!(LinePattern::parse("(?<a>x)"), LinePattern::parse("(?<a>y)"));
}

const ALB: &str = r#"(?<type>\S+) (?<time>\S+) (?<elb>\S+) (?<client>\S+) (?<target>\S+) (?<request_time>\S+) (?<target_time>\S+) (?<response_time>\S+) (?<status>\S+) (?<target_status>\S+) (?<received>\S+) (?<sent>\S+) "(?<request>[^"]*)" "(?<agent>[^"]*)" (?<cipher>\S+) (?<protocol>\S+) (?<group>\S+) .*"#;
const S3: &str = r#"(?<owner>\S+) (?<bucket>\S+) \[(?<time>[^\]]+)\] (?<ip>\S+) (?<requester>\S+) (?<id>\S+) (?<operation>\S+) (?<key>\S+) (?:-|"(?<request>[^"]*)") (?<status>\S+) (?<error>\S+) (?<sent>\S+) .*"#;
const FLOW: &str = r"(?<version>\d+) (?<account>\S+) (?<interface>\S+) (?<source>\S+) (?<destination>\S+) (?<source_port>\S+) (?<destination_port>\S+) (?<protocol>\S+) (?<packets>\S+) (?<bytes>\S+) (?<start>\S+) (?<end>\S+) (?<action>\S+) (?<status>\S+)(?: .*)?";
const CDN: &str = r"(?<date>[^\t]+)\t(?<time>[^\t]+)\t(?<edge>[^\t]+)\t(?<sent>[^\t]+)\t(?<ip>[^\t]+)\t(?<method>[^\t]+)\t(?<host>[^\t]+)\t(?<path>[^\t]+)\t(?<status>[^\t]+)\t(?<referrer>[^\t]+)\t.*";

#[test]
fn logs_of_load_balancers_cdn_buckets_and_flows_are_read_line_by_line() {
    let Some(folder) = data() else { return };
    let cases = [
        ("crowdsec/aws-alb-http-bad-user-agent/aws-alb-http-bad-user-agent.log", ALB, "status", "'200"),
        ("crowdsec/aws-alb-logs/aws-alb-logs.log", ALB, "cipher", "null"),
        ("crowdsec/aws-cloudfront-logs/aws-cloudfront-logs.log", CDN, "referrer", "null"),
        ("transcribed/s3-server-access.log", S3, "operation", "'REST.GET.LOCATION"),
        ("transcribed/vpcflow-v2-extra-samples.log", FLOW, "source_port", "'34892"),
        ("transcribed/vpcflow-v5-all-fields.log", FLOW, "action", "'REJECT"),
    ];
    for (path, pattern, name, first) in cases {
        let bytes = file(&folder, &format!("streams/aws_logs/{path}"));
        let seen = whole(Format::Text(text(pattern)), &fields(&[name]), &bytes);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!((seen.len(), refused(&seen)), (lines, vec![]), "{path}");
        assert_eq!(seen[0].row(), [Some(first)], "{path}");
    }
}

#[test]
fn offsets_are_those_of_the_object_whatever_its_encoding() {
    use super::support::{Dribble, read};
    let text = "a,b\r\né1,\u{1f600}\r\nx\r\n€2,y\r\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe".as_slice(), &utf16].concat();
    let (windows, _, _) = encoding_rs::WINDOWS_1252.encode("a,b\r\né1,z\r\nx\r\n€2,y\r\n");
    let cases: [(&[u8], TextEncoding, [u64; 3], u64); 4] = [
        (&utf16, TextEncoding::Utf16Le, [10, 24, 30], 42),
        (&marked, TextEncoding::Utf8, [12, 26, 32], 44),
        (&windows, TextEncoding::Windows1252, [5, 11, 14], 20),
        (text.as_bytes(), TextEncoding::Utf8, [5, 15, 18], 26),
    ];
    for (data, encoding, offsets, length) in cases {
        assert_eq!(data.len() as u64, length);
        let mut source = crate::testing::source(Format::Csv(CsvOptions::default()));
        source.characters.encoding = encoding;
        for piece in [1, 3, 1_000] {
            let (seen, error) = read(&source, &fields(&["a"]), Dribble(data, piece));
            assert_eq!(error, None);
            let found: Vec<u64> = seen.iter().filter_map(|seen| seen.place.offset).collect();
            assert_eq!((found, refused(&seen)), (offsets.to_vec(), vec![(3, Rule::Syntax)]), "{encoding}");
            assert_eq!((seen[0].row(), seen[2].row()), (vec![Some("'é1")], vec![Some("'€2")]));
        }
        let mut kept = super::support::Kept::default();
        let input = crate::decode::Input::Stream(Box::new(data));
        assert_eq!(crate::decode::decode(&source, &fields(&["a"]), input, &mut kept).ok(), Some(length));
    }
}

#[test]
fn json_lines_in_utf_16_are_read_as_it_is_declared() {
    let text = "{\"a\":\"é\"}\n{\"a\":\"\u{1f600}\"}\n";
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut source = crate::testing::source(Format::JsonLines);
    source.characters.encoding = TextEncoding::Utf16Be;
    let (mut seen, _) = super::support::read(&source, &fields(&["a"]), big.as_slice());
    assert_eq!((seen[0].row(), seen[1].row()), (vec![Some("'é")], vec![Some("'\u{1f600}")]));
    let half = [&big[..12], b"\xd8\x00", &big[12..]].concat();
    (seen, _) = super::support::read(&source, &fields(&["a"]), half.as_slice());
    assert_eq!((refused(&seen), seen[1].place.offset), (vec![(1, Rule::Encoding)], Some(22)));
}
