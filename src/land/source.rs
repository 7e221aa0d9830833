//! Where bytes come from.

use std::path::PathBuf;

use bytes::Bytes;
use url::Url;

use super::http::{Download, Patience};
use super::local::Local;
use super::postgres::{Export, Query};
use crate::error::{Error, ErrorKind, Result};

/// A source, as it is asked for.
#[derive(Debug)]
pub enum Source {
    /// A URL, and what is sent as `Authorization` to its own host, if anything.
    Http(Url, Option<String>),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The rows of a query, as CSV.
    Postgres(Box<Query>),
}

impl Source {
    /// Reads `-`, a URL of HTTP or HTTPS, or a path.
    ///
    /// # Errors
    /// `Configuration` for a URL that is none, is of another scheme, or has a password in it.
    pub fn parse(text: &str, authorization: Option<String>) -> Result<Self> {
        if text == "-" {
            return Ok(Source::Stdin);
        }
        let Some((scheme, _)) = text.split_once("://") else { return Ok(Source::File(PathBuf::from(text))) };
        let refused = |why: &str| Error::new(ErrorKind::Configuration, why.to_owned());
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(refused(
                "the source is neither a URL of http or https, nor a file, nor `-` for standard input",
            ));
        }
        let url = Url::parse(text)
            .map_err(|error| Error::caused(ErrorKind::Configuration, "the source's URL cannot be read", error))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "the source's URL has a user or a password in it, which every user of this machine can see in the list of processes: \
                 give them by TIDEGATE_LAND_AUTHORIZATION, the value of the request's Authorization",
            ));
        }
        Ok(Source::Http(url, authorization))
    }

    /// The source as it is shown and stored beside the object: without a URL's query, in which there may be a signature.
    pub fn name(&self) -> String {
        match self {
            Source::Http(url, _) => {
                let mut url = url.clone();
                url.set_query(None);
                url.set_fragment(None);
                url.to_string()
            }
            Source::File(path) => path.display().to_string(),
            Source::Stdin => "standard input".to_owned(),
            Source::Postgres(query) => query.name(),
        }
    }

    /// The name by whose suffix the bytes may be told, where they do not tell themselves.
    pub fn file_name(&self) -> String {
        match self {
            Source::Http(url, _) => url.path().to_owned(),
            Source::File(path) => path.to_string_lossy().into_owned(),
            Source::Stdin | Source::Postgres(_) => String::new(),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn open(&self, patience: Patience) -> Result<Incoming> {
        Ok(match self {
            Source::Http(url, authorization) => {
                Incoming::Http(Box::new(Download::open(url.clone(), authorization.clone(), patience).await?))
            }
            Source::File(path) => Incoming::Local(Local::file(path)?),
            Source::Stdin => Incoming::Local(Local::stdin()?),
            Source::Postgres(query) => Incoming::Postgres(Box::new(Export::open(query).await?)),
        })
    }
}

/// A source that is being read.
pub enum Incoming {
    /// Over HTTP.
    Http(Box<Download>),
    /// A file or standard input.
    Local(Local),
    /// A query.
    Postgres(Box<Export>),
}

impl Incoming {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// Where the source breaks off, is otherwise than it was, or is cut.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Incoming::Http(download) => download.next().await,
            Incoming::Local(local) => local.next().await,
            Incoming::Postgres(export) => export.next().await,
        }
    }

    /// How many bytes it has, if that is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Incoming::Http(download) => download.size(),
            Incoming::Local(local) => local.size(),
            Incoming::Postgres(_) => None,
        }
    }

    /// What is another if the content is another: an entity tag, or times and sizes. Of a pipe and of a query there is none.
    pub fn version(&self) -> Option<String> {
        match self {
            Incoming::Http(download) => download.version(),
            Incoming::Local(local) => local.version(),
            Incoming::Postgres(_) => None,
        }
    }

    /// What a server says of the compression of what it sends.
    pub fn content_encoding(&self) -> Option<&str> {
        match self {
            Incoming::Http(download) => download.content_encoding(),
            _ => None,
        }
    }

    /// How often a broken read went on.
    pub fn resumed(&self) -> u64 {
        match self {
            Incoming::Http(download) => download.resumed(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_url_a_file_or_standard_input_and_holds_no_secret() {
        let read = |text| Source::parse(text, None);
        assert!(matches!(read("-"), Ok(Source::Stdin)));
        assert!(matches!(read("a/b.csv"), Ok(Source::File(_))));
        assert!(matches!(read("HTTPS://example.org/a"), Ok(Source::Http(..))));
        for refused in
            ["ftp://example.org/a", "s3://bucket/key", "https://me:secret@example.org/", "http://:x@a/", "http://"]
        {
            let error = read(refused).expect_err(refused);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{refused}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let signed = read("https://example.org/a.gz?X-Amz-Signature=secret#part").expect("a URL");
        assert_eq!((signed.name().as_str(), signed.file_name().as_str()), ("https://example.org/a.gz", "/a.gz"));
    }
}
