//! A file or standard input, read by a thread of its own: a read of a pipe that never ends must not hold up the process's end.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};

/// The size of the pieces.
const PIECE: usize = 128 << 10;

/// A file or standard input that is being read.
pub struct Local {
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
    name: String,
    size: Option<u64>,
    version: Option<String>,
    given: u64,
}

impl Local {
    pub(super) fn file(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| file.metadata().map(|facts| (file, facts)));
        let (file, facts) =
            opened.map_err(|error| Error::caused(ErrorKind::Io, format!("cannot read {name}"), error))?;
        if facts.is_dir() {
            return Err(Error::new(ErrorKind::Configuration, format!("{name} is a folder: name a file in it")));
        }
        // A pipe or a device has neither a size nor a version.
        let size = facts.is_file().then_some(facts.len());
        let changed = facts.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let version = size.zip(changed).map(|(size, changed)| format!("{size} bytes of {} ns", changed.as_nanos()));
        Ok(Local { pieces: read(file)?, name, size, version, given: 0 })
    }

    pub(super) fn stdin() -> Result<Self> {
        let pieces = read(std::io::stdin())?;
        Ok(Local { pieces, name: "standard input".to_owned(), size: None, version: None, given: 0 })
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    pub(super) fn version(&self) -> Option<String> {
        self.version.clone()
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        match self.pieces.recv().await {
            Some(Ok(piece)) => {
                self.given += piece.len() as u64;
                Ok(Some(piece))
            }
            Some(Err(error)) => Err(Error::caused(ErrorKind::Io, format!("reading {} failed", self.name), error)),
            None if self.size.is_some_and(|size| size != self.given) => {
                let message = format!("{} was changed while it was read: land it again", self.name);
                Err(Error::new(ErrorKind::ObjectReplaced, message))
            }
            None => Ok(None),
        }
    }
}

fn read(mut source: impl Read + Send + 'static) -> Result<mpsc::Receiver<std::io::Result<Bytes>>> {
    let (sender, pieces) = mpsc::channel(2);
    let reading = move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = match source.read(&mut piece) {
                Ok(0) => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let piece = read.map(|length| {
                piece.truncate(length);
                Bytes::from(piece)
            });
            let failed = piece.is_err();
            if sender.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    };
    std::thread::Builder::new().name("land".to_owned()).spawn(reading)?;
    Ok(pieces)
}
