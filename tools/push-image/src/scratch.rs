//! Where layers are that were compressed, or an archive that was unpacked: one file that has no name, which nobody else can open and
//! which is gone with this process, even if that is killed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::blob::{Source, Span};

/// A file for what is compressed, made when it is needed.
#[derive(Default)]
pub(crate) struct Scratch {
    file: Option<Arc<File>>,
    end: u64,
}

impl Scratch {
    /// Where what is written next begins.
    pub(crate) fn end(&mut self) -> Result<u64, String> {
        self.file().map_err(|why| Scratch::cannot_write(&why))?;
        Ok(self.end)
    }

    /// What was written since it ended there.
    pub(crate) fn span_from(&mut self, begin: u64) -> Result<Span, String> {
        let file = self.file().map_err(|why| Scratch::cannot_write(&why))?;
        let path = std::env::temp_dir();
        Ok(Span {
            source: Source::Open { file, path },
            offset: begin,
            size: self.end - begin,
        })
    }

    /// Words why nothing can be written.
    pub(crate) fn cannot_write(why: &io::Error) -> String {
        let folder = std::env::temp_dir();
        format!("cannot write a layer to {}: {why}", folder.display())
    }

    fn file(&mut self) -> io::Result<Arc<File>> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let file = Arc::new(tempfile::tempfile()?);
        self.file = Some(file.clone());
        Ok(file)
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.file()?;
        let count = file.write_at(bytes, self.end)?;
        self.end += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
