//! Zip archives, written here by hand so that each can be wrong in one thing.

use super::*;

/// A file to be put into an archive.
#[derive(Clone)]
pub(crate) struct File<'f> {
    pub(crate) name: &'f str,
    data: &'f [u8],
    method: u16,
    flags: u16,
    /// Sizes in the ZIP64 extra field, or in a descriptor of eight bytes each.
    wide: bool,
    /// The signature before the descriptor.
    signed: bool,
    attributes: u32,
    listed: bool,
}

impl<'f> File<'f> {
    pub(crate) fn new(name: &'f str, data: &'f [u8]) -> Self {
        File { name, data, method: 8, flags: 0, wide: false, signed: true, attributes: 0, listed: true }
    }

    fn stored(self) -> Self {
        File { method: 0, ..self }
    }

    fn described(self) -> Self {
        File { flags: self.flags | 8, ..self }
    }
}

/// The archive of these files.
pub(crate) fn zip(files: &[File<'_>]) -> Vec<u8> {
    let (mut archive, mut directory, mut listed) = (Vec::new(), Vec::new(), 0_u16);
    for file in files {
        let body = match file.method {
            8 => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(file.data).expect("to memory");
                encoder.finish().expect("to memory")
            }
            _ => file.data.to_vec(),
        };
        let mut crc = flate2::Crc::new();
        crc.update(file.data);
        let (crc, compressed, size) = (crc.sum(), body.len() as u64, file.data.len() as u64);
        let described = file.flags & 8 != 0;
        let extra = match file.wide {
            true => [&[1, 0, 16, 0][..], &size.to_le_bytes(), &compressed.to_le_bytes()].concat(),
            false => Vec::new(),
        };
        let narrow = |value: u64| if file.wide { u32::MAX } else { value as u32 };
        let head = |crc: u32, compressed: u32, size: u32| {
            let mut head = vec![20, 0];
            head.extend(file.flags.to_le_bytes());
            head.extend(file.method.to_le_bytes());
            head.extend([0; 4]);
            head.extend(crc.to_le_bytes());
            head.extend(compressed.to_le_bytes());
            head.extend(size.to_le_bytes());
            head.extend((file.name.len() as u16).to_le_bytes());
            head
        };
        let offset = archive.len() as u32;
        archive.extend(b"PK\x03\x04");
        match described {
            true => archive.extend(head(0, 0, 0)),
            false => archive.extend(head(crc, narrow(compressed), narrow(size))),
        }
        let local_extra: &[u8] = if described { &[] } else { &extra };
        archive.extend((local_extra.len() as u16).to_le_bytes());
        archive.extend(file.name.as_bytes());
        archive.extend(local_extra);
        archive.extend(&body);
        if described {
            if file.signed {
                archive.extend(b"PK\x07\x08");
            }
            archive.extend(crc.to_le_bytes());
            for value in [compressed, size] {
                let bytes = value.to_le_bytes();
                archive.extend(if file.wide { &bytes[..] } else { &bytes[..4] });
            }
        }
        if file.listed {
            listed += 1;
            directory.extend(b"PK\x01\x02\x14\x03");
            directory.extend(head(crc, narrow(compressed), narrow(size)));
            directory.extend((extra.len() as u16).to_le_bytes());
            directory.extend([0; 6]);
            directory.extend(file.attributes.to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(file.name.as_bytes());
            directory.extend(extra);
        }
    }
    let offset = archive.len() as u32;
    let size = directory.len() as u32;
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(listed.to_le_bytes());
    archive.extend(listed.to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend([3, 0]);
    archive.extend(b"end");
    archive
}

/// Each entry's name and bytes.
fn entries(stored: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut entries = open(stored, &Hints::default(), BOUNDS).expect("opens").entries;
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().expect("a good archive") {
        assert_eq!(entry.index, found.len() as u64);
        let mut data = Vec::new();
        entries.read_to_end(&mut data).expect("a good entry");
        found.push((entry.name.expect("a name"), data));
    }
    found
}

fn joined(files: &[File<'_>]) -> Vec<u8> {
    let (codec, data) = decompress(&zip(files)[..], &Hints::default(), BOUNDS).expect("a good archive");
    assert_eq!(codec, Codec::Zip);
    data
}

#[test]
fn entries_are_read_one_after_the_other_with_their_names() {
    let data = lines(5_000);
    let files = [
        File::new("a/", b""),
        File::new("a/1.csv", &data),
        File::new("a/2.csv", &data).stored(),
        File::new("__MACOSX/a/._1.csv", b"\0\x05\x16\x07"),
        File::new("a/3.csv", &data).described(),
        File { signed: false, ..File::new("a/4.csv", &data).described() },
        File { wide: true, ..File::new("a/5.csv", &data) },
        File { wide: true, ..File::new("a/6.csv", &data).stored() },
        File { wide: true, ..File::new("a/7.csv", &data).described() },
        File { wide: true, signed: false, ..File::new("a/8.csv", &data).described() },
        File::new("a/9.csv", &data).stored().described(),
        File { wide: true, ..File::new("a/10.csv", &data).stored().described() },
        File::new("a/11.csv", b""),
        File::new("a/12.csv", b"").stored().described(),
    ];
    let found = entries(&zip(&files));
    let expected: Vec<_> = files
        .iter()
        .filter(|file| file.name.ends_with("csv") && !file.name.starts_with("__"))
        .map(|file| (file.name.to_owned(), file.data.to_vec()))
        .collect();
    assert_eq!(found.len(), 12);
    assert!(found == expected, "an entry has other data");
}

#[test]
fn a_stored_entry_of_unknown_length_ends_at_its_own_descriptor_and_not_at_one_inside_it() {
    let inner = zip(&[File::new("inner", b"some data").stored().described()]);
    let data = [&inner[..], b"PK\x07\x08", &[0; 12], b"PK\x07\x08PK\x07\x08 and more PK"].concat();
    assert_eq!(entries(&zip(&[File::new("a", &data).stored().described()])), [("a".to_owned(), data)]);
}

#[test]
fn the_last_line_of_an_entry_and_the_first_of_the_next_stay_two() {
    let files = [
        File::new("1", b"a\nb"),
        File::new("2", b"c\n"),
        File::new("3", b""),
        File::new("4", b"d"),
        File::new("5", b"e"),
    ];
    assert_eq!(joined(&files), b"a\nb\nc\nd\ne");
    assert_eq!(joined(&[]), b"");
}

#[test]
fn byte_order_marks_stay_only_at_the_beginning_of_the_joined_stream() {
    assert_eq!(
        joined(&[File::new("1", b"\xef\xbb\xbfa\n"), File::new("2", b"\xef\xbb\xbfb\n")]),
        b"\xef\xbb\xbfa\nb\n"
    );
    let utf16 = [File::new("1", b"\xff\xfea\0"), File::new("2", b"\xff\xfeb\0\n\0"), File::new("3", b"\xff\xfec\0")];
    let mut read = Vec::new();
    let opened = open(std::io::Cursor::new(zip(&utf16)), &Hints::default(), BOUNDS).expect("opens");
    opened.entries.joined(b"\n\0").read_to_end(&mut read).expect("reads");
    assert_eq!(read, b"\xff\xfea\0\n\0b\0\n\0c\0");
}

#[test]
fn an_entry_that_is_left_before_its_end_is_still_checked() {
    let data = lines(50_000);
    let mut stored = zip(&[File::new("a", &data), File::new("b", b"next\n")]);
    let next = |stored: &[u8]| {
        let mut entries = open(stored, &Hints::default(), BOUNDS).expect("opens").entries;
        entries.next_entry().expect("the first");
        entries.read_exact(&mut [0; 10]).expect("its beginning");
        entries.next_entry().map(|entry| entry.and_then(|entry| entry.name)).map_err(Error::of_read)
    };
    assert_eq!(next(&stored).expect("good"), Some("b".to_owned()));
    stored[14] ^= 1; // within the first header's checksum
    assert_eq!(next(&stored).expect_err("another checksum").kind(), ErrorKind::Corrupt);
}

#[test]
fn an_archive_that_is_cut_anywhere_is_corrupt_even_between_two_entries() {
    let data = lines(3);
    for described in [false, true] {
        let file = |name| if described { File::new(name, &data).described() } else { File::new(name, &data) };
        let stored = zip(&[file("a"), file("b")]);
        for cut in 1..stored.len() {
            let error = refusal(&stored[..cut], &declared(Codec::Zip));
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{described} {cut} of {}: {error}", stored.len());
        }
    }
}

#[test]
fn a_flipped_bit_in_the_data_of_an_entry_is_corrupt() {
    let data = lines(20);
    for file in [File::new("a", &data), File::new("a", &data).stored(), File::new("a", &data).stored().described()] {
        let stored = zip(&[file]);
        for at in 31..stored.len() / 2 {
            let mut flipped = stored.clone();
            flipped[at] ^= 0x10;
            assert_eq!(refusal(&flipped, &Hints::default()).kind(), ErrorKind::Corrupt, "{at}");
        }
    }
}

#[test]
fn an_entry_that_cannot_be_read_parks_the_archive_with_the_reason_and_its_name() {
    let refused = |file: File<'_>| refusal(&zip(&[File::new("good", b"a\n"), file]), &Hints::default()).to_string();
    let file = File::new("bad", b"data");
    assert!(refused(File { flags: 1, ..file.clone() }).contains("`bad` is encrypted"));
    assert!(refused(File { flags: 1 << 13, ..file.clone() }).contains("`bad` is encrypted"));
    assert!(refused(File { flags: 1 << 5, ..file.clone() }).contains("patch"));
    for (method, name) in
        [(1, "shrinking"), (9, "deflate64"), (12, "bzip2"), (14, "lzma"), (93, "zstd"), (95, "xz"), (77, "method 77")]
    {
        assert!(refused(File { method, ..file.clone() }).contains(name), "{name}");
    }
    assert!(refused(File { attributes: 0xa1ff_0000, ..file.clone() }).contains("`bad` is a symbolic link"));
    assert!(refused(File { name: "bad/", ..file }).contains("directory"));
}

#[test]
fn what_the_directory_does_not_list_is_not_loaded() {
    let deleted = File { listed: false, ..File::new("deleted", b"old\n") };
    let error = refusal(&zip(&[deleted, File::new("kept", b"new\n")]), &Hints::default());
    assert!(error.to_string().contains("does not list"), "{error}");
    let two = [zip(&[File::new("a", b"1\n")]), zip(&[File::new("b", b"2\n")])].concat();
    assert!(refusal(&two, &Hints::default()).to_string().contains("follow the archive's end"));
    let padded = [&zip(&[File::new("a", b"1\n")])[..], &[0; 100]].concat();
    assert_eq!(decompress(&padded[..], &Hints::default(), BOUNDS).expect("padding").1, b"1\n");
}

#[test]
fn an_object_that_is_no_archive_is_one_entry_without_a_name() {
    let mut entries = open(&b"one\n"[..], &Hints::default(), BOUNDS).expect("opens").entries;
    assert_eq!(entries.next_entry().expect("plain"), Some(Entry { index: 0, name: None }));
    assert_eq!(entries.next_entry().expect("plain"), None);
    assert_eq!(entries.given(), 4, "what is left of an entry is read before the next");
}
