//! The files of Apache Commons Compress, each with its outcome; read where they are, as the repository ships none of them.

use std::path::{Path, PathBuf};

use super::*;

/// What becomes of a file.
enum Outcome {
    /// It is read as this codec, and gives so many bytes with this CRC-32.
    Read(Codec, usize, u32),
    /// It is parked, for a reason in which this stands.
    Parked(&'static str),
}
use Outcome::{Parked, Read as Is};

/// Lengths and sums are those of Python's gzip, bz2 and zipfile (with our line ends between entries) and of the xz and lz4 commands. The
/// snappy and brotli files hold what the others of their name hold; of the two without a twin or a reader there, `mixed.txt.sz` and
/// `bla-stored-dd.zip`, the content is known by the checksums inside them.
const OUTCOMES: &[(&str, Outcome)] = &[
    ("COMPRESS-131.bz2", Is(Codec::Bzip2, 539, 0x78b31833)),
    ("COMPRESS-189.zip", Is(Codec::Zip, 52383, 0x837d6f22)),
    ("COMPRESS-208.zip", Is(Codec::Zip, 692, 0xbb20ac1f)),
    ("COMPRESS-210_unix_time_zip_test.zip", Is(Codec::Zip, 396, 0x33e1a971)),
    ("COMPRESS-211_uid_gid_zip_test.zip", Is(Codec::Zip, 41, 0xb52a04f7)),
    ("COMPRESS-214_unix_symlinks.zip", Parked("`COMPRESS-214_unix_symlinks/link5` is a symbolic link")),
    ("COMPRESS-219.zip", Is(Codec::Zip, 1619, 0xbf618e68)),
    ("COMPRESS-227.zip", Is(Codec::Zip, 0, 0x00000000)),
    ("COMPRESS-228.zip", Is(Codec::Zip, 192548, 0x8b9c5f5f)),
    ("COMPRESS-245.tar.gz", Is(Codec::Gzip, 624640, 0x1a32ad72)),
    ("COMPRESS-264.zip", Is(Codec::Zip, 5, 0xe6c1c582)),
    ("COMPRESS-351.zip", Parked("is damaged")),
    ("COMPRESS-380/COMPRESS-380-dd.zip", Parked("deflate64")),
    ("COMPRESS-380/COMPRESS-380-readbeyondmemory.zip", Parked("deflate64")),
    ("COMPRESS-380/COMPRESS-380.zip", Parked("deflate64")),
    ("COMPRESS-477/split_zip_created_by_winrar/split_zip_created_by_winrar.zip", Parked("neither zip nor text")),
    (
        "COMPRESS-477/split_zip_created_by_winrar/zip_to_compare_created_by_winrar.zip",
        Is(Codec::Zip, 1800201, 0x331099e4),
    ),
    ("COMPRESS-477/split_zip_created_by_zip/split_zip_created_by_zip.zip", Parked("neither zip nor text")),
    ("COMPRESS-477/split_zip_created_by_zip/split_zip_created_by_zip_zip64.zip", Parked("neither zip nor text")),
    ("COMPRESS-477/split_zip_created_by_zip/zip_to_compare_created_by_zip.zip", Is(Codec::Zip, 1800201, 0x4deb040e)),
    (
        "COMPRESS-477/split_zip_created_by_zip/zip_to_compare_created_by_zip_zip64.zip",
        Is(Codec::Zip, 1809908, 0xd38da6f5),
    ),
    ("COMPRESS-479.zip", Is(Codec::Zip, 39, 0x0e337284)),
    ("COMPRESS-490/ArithmeticException.lz4", Parked("lz4 stream is damaged")),
    ("COMPRESS-490/ArrayIndexOutOfBoundsException1.lz4", Parked("lz4 stream is damaged")),
    ("COMPRESS-490/ArrayIndexOutOfBoundsException2.lz4", Parked("lz4 stream is damaged")),
    ("COMPRESS-546.zip", Parked("ZIP64 field lacks a size")),
    ("COMPRESS-548.zip", Parked("is encrypted")),
    ("COMPRESS-621.zip", Parked("neither zip nor text")),
    ("COMPRESS-647/test.zip", Parked("is truncated")),
    ("COMPRESS-666/compress-666.tar.gz", Is(Codec::Gzip, 12800, 0x689ca1a4)),
    ("COMPRESS-692/compress-692.zip", Parked("compressed by zstd")),
    ("OSX_ArchiveWithNestedArchive.zip", Is(Codec::Zip, 782, 0x011689cb)),
    ("SHRUNK.ZIP", Parked("compressed by shrinking")),
    ("archive_with_bytes_after_data.zip", Parked("size is another than its header says")),
    ("archive_with_trailer.zip", Parked("bytes follow the archive's end")),
    ("archives/FreeBSD.zip", Is(Codec::Zip, 260, 0x34aa988e)),
    ("archives/SunOS.zip", Is(Codec::Zip, 260, 0x34aa988e)),
    ("bla-stored-dd-contradicts-actualsize.zip", Parked("is truncated")),
    ("bla-stored-dd-nosig.zip", Parked("is truncated")),
    ("bla-stored-dd-sizes-differ.zip", Parked("is truncated")),
    ("bla-stored-dd.zip", Is(Codec::Zip, 692, 0xbb20ac1f)),
    ("bla-stored.zip", Is(Codec::Zip, 692, 0xbb20ac1f)),
    ("bla.dump.lz4", Is(Codec::Lz4, 92160, 0xef8a7d8d)),
    ("bla.tar.Z", Parked("Unix compress (.Z)")),
    ("bla.tar.br", Is(Codec::Brotli, 10240, 0x56665ea8)),
    ("bla.tar.bz2", Is(Codec::Bzip2, 10240, 0x56665ea8)),
    ("bla.tar.deflate", Parked("neither zlib nor text")),
    ("bla.tar.lz4", Is(Codec::Lz4, 10240, 0x56665ea8)),
    ("bla.tar.lzma", Parked("LZMA alone")),
    ("bla.tar.sz", Is(Codec::Snappy, 10240, 0x56665ea8)),
    ("bla.tar.xz", Is(Codec::Xz, 10240, 0x56665ea8)),
    ("bla.txt.bz2", Is(Codec::Bzip2, 26, 0xfafe4fca)),
    ("bla.xml.bz2", Is(Codec::Bzip2, 610, 0x0f54eacb)),
    ("bla.zip", Is(Codec::Zip, 692, 0xbb20ac1f)),
    ("bzip2-zip.zip", Parked("compressed by bzip2")),
    ("imploding-4Kdict-2trees.zip", Parked("compressed by imploding")),
    ("imploding-8Kdict-3trees.zip", Parked("compressed by imploding")),
    ("invalid-zip.zip", Is(Codec::Plain, 141, 0xac6b43af)),
    ("lbzip2_32767.bz2", Is(Codec::Bzip2, 5, 0xf783d7be)),
    ("longpath/minotaur-c.zip", Is(Codec::Zip, 0, 0x00000000)),
    ("longpath/minotaur-z.zip", Is(Codec::Zip, 0, 0x00000000)),
    ("longpath/minotaur.zip", Is(Codec::Zip, 0, 0x00000000)),
    ("lorem-ipsum-deflate64.zip", Parked("deflate64")),
    ("lorem-ipsum-implode.zip", Parked("compressed by imploding")),
    ("lorem-ipsum.txt.bz2", Is(Codec::Bzip2, 144060, 0xb9034f7e)),
    ("lorem-ipsum.txt.gz", Is(Codec::Gzip, 144060, 0xb9034f7e)),
    ("lorem-ipsum.txt.sz", Is(Codec::Snappy, 144060, 0xb9034f7e)),
    ("mixed.txt.sz", Is(Codec::Snappy, 38, 0x804ebfbc)),
    ("mixed.zip", Is(Codec::Zip, 97782, 0x509f1777)),
    ("moby-imploded.zip", Parked("compressed by imploding")),
    ("moby.zip", Parked("compressed by tokenizing")),
    ("multiple.bz2", Is(Codec::Bzip2, 2, 0x9e83486d)),
    ("multiple.gz", Is(Codec::Gzip, 2, 0x9e83486d)),
    ("multiple.xz", Is(Codec::Xz, 2, 0x9e83486d)),
    ("ordertest.zip", Is(Codec::Zip, 192547, 0x1a3faf77)),
    ("org/apache/commons/compress/gzip/members-size-0.gz", Is(Codec::Gzip, 0, 0x00000000)),
    ("org/apache/commons/compress/gzip/members.gz", Is(Codec::Gzip, 14, 0x03b60ded)),
    ("org/apache/commons/compress/zip/ZipFile-method.zip", Parked("is damaged")),
    ("org/apache/commons/compress/zip/test-method-xz.zip", Parked("compressed by xz")),
    ("password-encrypted.zip", Parked("is encrypted")),
    ("test-winzip.zip", Is(Codec::Zip, 309, 0xcd253184)),
    ("utf8-7zip-test.zip", Is(Codec::Zip, 39, 0x5ba844b9)),
    ("utf8-winzip-test.zip", Is(Codec::Zip, 39, 0xc3cdd8b7)),
];

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("TIDEGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    let folder = folder.join("streams/compress/commons-compress");
    if folder.is_dir() {
        return Some(folder);
    }
    let line = "\nSKIPPED: the files of commons-compress, for want of their folder: name it with TIDEGATE_TEST_DATA\n";
    // The handle, and not `eprintln!`, which the test harness keeps for failed tests.
    std::io::stderr().write_all(line.as_bytes()).ok();
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "CI must have the test data");
    None
}

fn files(folder: &Path, within: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, within, found),
            false => found.push(path.strip_prefix(within).expect("within").to_string_lossy().into_owned()),
        }
    }
}

#[test]
fn every_file_of_commons_compress_is_read_or_parked_with_its_reason() {
    let Some(folder) = folder() else { return };
    let mut names = Vec::new();
    files(&folder, &folder, &mut names);
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let stored = std::fs::read(folder.join(name)).expect("a file");
        let read = decompress(&stored[..], &Hints { key: name, ..Hints::default() }, BOUNDS);
        let found = match read {
            Ok((codec, data)) => {
                let mut crc = flate2::Crc::new();
                crc.update(&data);
                Ok((codec, data.len(), crc.sum()))
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
                Err(error.to_string())
            }
        };
        let right = match (OUTCOMES.iter().find(|(of, _)| of == name).map(|(_, outcome)| outcome), &found) {
            (Some(Is(codec, length, crc)), Ok(found)) => *found == (*codec, *length, *crc),
            (Some(Parked(reason)), Err(message)) => message.contains(reason),
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: {found:x?}"));
        }
    }
    assert!(wrong.is_empty(), "other outcomes than are written here:\n{}", wrong.join("\n"));
    assert!(OUTCOMES.iter().all(|(name, _)| names.iter().any(|found| found == name)), "a file is missing");
}
