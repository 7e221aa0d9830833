//! What a client declares about the bytes that it sends, and the proof.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::http::Extensions;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Result, s3_error};

use super::aws_chunked::Trailers;
use super::version::{Algorithm, Checksum};

const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64nvme, Algorithm::Sha1, Algorithm::Sha256];

impl Algorithm {
    /// The header or trailer that carries a checksum of this algorithm.
    fn header(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "x-amz-checksum-crc32",
            Algorithm::Crc32c => "x-amz-checksum-crc32c",
            Algorithm::Crc64nvme => "x-amz-checksum-crc64nvme",
            Algorithm::Sha1 => "x-amz-checksum-sha1",
            Algorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        match self {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        hasher
    }
}

/// A running checksum.
pub(super) struct Summer {
    algorithm: Algorithm,
    hasher: ChecksumHasher,
}

impl Summer {
    pub(super) fn new(algorithm: Algorithm) -> Summer {
        Summer { algorithm, hasher: algorithm.hasher() }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    pub(super) fn finish(self) -> Checksum {
        let sums = self.hasher.finalize();
        let value = match self.algorithm {
            Algorithm::Crc32 => sums.checksum_crc32,
            Algorithm::Crc32c => sums.checksum_crc32c,
            Algorithm::Crc64nvme => sums.checksum_crc64nvme,
            Algorithm::Sha1 => sums.checksum_sha1,
            Algorithm::Sha256 => sums.checksum_sha256,
        };
        Checksum { algorithm: self.algorithm, value: value.unwrap_or_default() }
    }
}

impl From<Checksum> for s3s::dto::Checksum {
    fn from(checksum: Checksum) -> Self {
        let mut all = s3s::dto::Checksum::default();
        let value = Some(checksum.value);
        match checksum.algorithm {
            Algorithm::Crc32 => all.checksum_crc32 = value,
            Algorithm::Crc32c => all.checksum_crc32c = value,
            Algorithm::Crc64nvme => all.checksum_crc64nvme = value,
            Algorithm::Sha1 => all.checksum_sha1 = value,
            Algorithm::Sha256 => all.checksum_sha256 = value,
        }
        all
    }
}

/// The checksums that the headers of a request announce.
#[derive(Debug, Default)]
pub(super) struct Declared {
    content_md5: Option<String>,
    algorithm: Option<Algorithm>,
    /// `None` if the value follows the body, as a trailer.
    value: Option<String>,
    trailers: Option<Trailers>,
}

impl Declared {
    /// Reads `content-md5`, `x-amz-checksum-*` and, for a checksum that follows the body, `x-amz-trailer`.
    pub(super) fn new(headers: &HeaderMap, extensions: &Extensions) -> Declared {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let trailer = text("x-amz-trailer").unwrap_or_default();
        let in_header = ALGORITHMS.into_iter().find_map(|algorithm| Some((algorithm, text(algorithm.header())?)));
        let in_trailer =
            || ALGORITHMS.into_iter().find(|algorithm| trailer.trim().eq_ignore_ascii_case(algorithm.header()));
        Declared {
            content_md5: text("content-md5"),
            algorithm: in_header.as_ref().map(|(algorithm, _)| *algorithm).or_else(in_trailer),
            value: in_header.map(|(_, value)| value),
            trailers: extensions.get::<Trailers>().cloned(),
        }
    }

    /// The algorithm to run over the body.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Compares what was declared with what was received; to be called when the body has been read to its end.
    pub(super) fn verify(&self, md5: &[u8; 16], checksum: Option<&Checksum>) -> S3Result<()> {
        if let Some(declared) = &self.content_md5 {
            let declared = STANDARD.decode(declared).map_err(|error| s3_error!(error, InvalidDigest))?;
            if declared != md5 {
                return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
            }
        }
        let Some(computed) = checksum else { return Ok(()) };
        let header = computed.algorithm.header();
        let declared = match (&self.value, &self.trailers) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(trailers)) => trailers.get(header),
            (None, None) => None,
        };
        match declared {
            Some(declared) if declared == computed.value => Ok(()),
            Some(_) => Err(s3_error!(BadDigest, "The {header} you specified did not match what we received.")),
            None => Err(s3_error!(InvalidRequest, "The trailer {header} was announced but did not follow the body.")),
        }
    }
}
