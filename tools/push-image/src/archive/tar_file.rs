//! The files of a tar file: where each is in it. What a header says is believed of nothing: only
//! names are held in memory, each up to a limit.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use tar::{EntryType, Header, PaxExtensions};

use crate::blob::{Span, SpanReader};

/// How long the pieces of a tar file are, and what each size is rounded up to.
const BLOCK: u64 = 512;
/// What an entry may have that only names the next: a path has at most 4096 bytes, and extensions
/// have a few of them.
const LONGEST_EXTENSION: u64 = 64 << 10;
/// How many entries a tar file may have, and of how many bytes their names: an image has some
/// hundred, an archive of many images some thousand.
const MOST_ENTRIES: usize = 100_000;
const MOST_NAMES: usize = 16 << 20;

/// What is said of everything that is none.
const NO_TAR: &str = "it is not a whole tar file";

/// The files of a tar file, by their names.
pub(super) type Listing = BTreeMap<String, Span>;

/// Lists the files of a tar file.
pub(super) fn list(whole: Span) -> Result<Listing, String> {
    let mut lister = Lister {
        whole,
        files: Listing::new(),
        links: Vec::new(),
        entries: 0,
        names: 0,
    };
    lister.list()?;
    Ok(lister.files())
}

/// The name of a file in an archive, without `.` and what leads out of it.
pub(super) fn normal_name(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

struct Lister {
    /// The tar file.
    whole: Span,
    files: Listing,
    /// Each with the name that it leads to.
    links: Vec<(String, String)>,
    entries: usize,
    names: usize,
}

/// What entries say that stand ahead of the one that they are about.
#[derive(Default)]
struct Ahead {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Lister {
    fn list(&mut self) -> Result<(), String> {
        let mut at = 0;
        let mut ahead = Ahead::default();
        while let Some(header) = self.header(at)? {
            let mut size = header.entry_size().map_err(no_tar)?;
            let content = at + BLOCK;
            match header.entry_type() {
                EntryType::GNULongName => ahead.name = Some(self.text(content, size)?),
                EntryType::GNULongLink => ahead.target = Some(self.text(content, size)?),
                EntryType::XHeader => self.read_extensions(content, size, &mut ahead)?,
                EntryType::XGlobalHeader => {}
                kind => {
                    let before = std::mem::take(&mut ahead);
                    size = before.size.unwrap_or(size);
                    self.add(&header, kind, content, size, before)?;
                }
            }
            self.entries += 1;
            self.check_size()?;
            let end = content
                .checked_add(size)
                .and_then(|end| end.checked_next_multiple_of(BLOCK));
            at = end.ok_or(NO_TAR)?;
        }
        Ok(())
    }

    /// The header at a place; nothing at the end, which some writers leave away.
    fn header(&self, at: u64) -> Result<Option<Header>, String> {
        let mut header = Header::new_old();
        match self.part(at, BLOCK)?.read_exact(header.as_mut_bytes()) {
            Ok(()) => {}
            Err(why) if why.kind() == ErrorKind::UnexpectedEof && at >= self.whole.size => {
                return if at == 0 {
                    Err(NO_TAR.into())
                } else {
                    Ok(None)
                };
            }
            Err(why) => return Err(no_tar(why)),
        }
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut sum = 0;
        for (number, byte) in bytes.iter().enumerate() {
            let is_sum = (148..156).contains(&number); // its own field counts as blanks
            sum += u32::from(if is_sum { b' ' } else { *byte });
        }
        if header.cksum().map_err(no_tar)? != sum {
            return Err(NO_TAR.into());
        }
        Ok(Some(header))
    }

    /// Reads what an entry holds that is about the next one.
    fn extension(&self, at: u64, size: u64) -> Result<Vec<u8>, String> {
        if size > LONGEST_EXTENSION {
            return Err(format!("it has a name of {size} bytes, which is none"));
        }
        let mut bytes = Vec::new();
        let read = self
            .part(at, size)?
            .read_to_end(&mut bytes)
            .map_err(no_tar)?;
        if (read as u64) < size {
            return Err(NO_TAR.into());
        }
        Ok(bytes)
    }

    fn text(&self, at: u64, size: u64) -> Result<Vec<u8>, String> {
        let mut text = self.extension(at, size)?;
        while text.last() == Some(&0) {
            text.pop();
        }
        Ok(text)
    }

    fn read_extensions(&self, at: u64, size: u64, ahead: &mut Ahead) -> Result<(), String> {
        let bytes = self.extension(at, size)?;
        for extension in PaxExtensions::new(&bytes) {
            let extension = extension.map_err(no_tar)?;
            let value = extension.value_bytes();
            match extension.key_bytes() {
                b"path" => ahead.name = Some(value.to_vec()),
                b"linkpath" => ahead.target = Some(value.to_vec()),
                b"size" => {
                    let size = extension.value().ok().and_then(|size| size.parse().ok());
                    ahead.size = Some(size.ok_or(NO_TAR)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a file or a link; folders and devices are nothing that an image is made of.
    fn add(
        &mut self,
        header: &Header,
        kind: EntryType,
        offset: u64,
        size: u64,
        ahead: Ahead,
    ) -> Result<(), String> {
        let path = ahead
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let name = normal_name(path_of(&path));
        self.names += name.len();
        if kind.is_file() {
            let end = offset.checked_add(size);
            if end.is_none_or(|end| end > self.whole.size) {
                return Err(format!("it ends in the middle of {name}"));
            }
            let span = Span {
                offset,
                size,
                ..self.whole.clone()
            };
            self.files.insert(name, span);
        } else if kind.is_symlink() || kind.is_hard_link() {
            // docker save writes a layer that it wrote before as a link.
            let named = || header.link_name_bytes().map(|target| target.into_owned());
            let target = ahead.target.or_else(named).unwrap_or_default();
            let mut target = path_of(&target).to_path_buf();
            if kind.is_symlink()
                && let Some(parent) = Path::new(&name).parent()
            {
                target = parent.join(target);
            }
            let target = normal_name(&target);
            self.names += target.len();
            self.links.push((name, target));
        }
        Ok(())
    }

    /// Refuses an archive that is made to fill the memory.
    fn check_size(&self) -> Result<(), String> {
        if self.entries > MOST_ENTRIES || self.names > MOST_NAMES {
            return Err("it has more files than an archive of images".into());
        }
        Ok(())
    }

    /// The tar file from a place on.
    fn part(&self, at: u64, size: u64) -> Result<SpanReader, String> {
        let part = Span {
            offset: at,
            size,
            ..self.whole.clone()
        };
        part.open().map_err(no_tar)
    }

    /// All files; a link is the file that it leads to, if that is in the archive.
    fn files(mut self) -> Listing {
        for (name, target) in self.links {
            if let Some(span) = self.files.get(&target).cloned() {
                self.files.insert(name, span);
            }
        }
        self.files
    }
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn no_tar(_: io::Error) -> String {
    NO_TAR.into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use tempfile::{TempDir, tempdir};

    use super::*;
    use crate::archive::unpacked;
    use crate::thread::CancelGuard;

    /// Writes a tar file; answers its files, by their names and sizes, or why it is refused.
    fn list_of(temp: &TempDir, bytes: &[u8]) -> Result<Vec<(String, u64)>, String> {
        let path = temp.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        let guard = CancelGuard::default();
        let files = list(unpacked::open(&path, &guard.token())?)?;
        Ok(files
            .into_iter()
            .map(|(name, span)| (name, span.size))
            .collect())
    }

    /// The header of an entry.
    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_path("name").unwrap();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    }

    fn one_file(temp: &TempDir, kind: EntryType, size: u64) -> Result<Vec<(String, u64)>, String> {
        list_of(temp, header(kind, size).as_bytes())
    }

    #[test]
    fn a_header_that_claims_more_than_there_is_costs_nothing() {
        let temp = tempdir().unwrap();
        for kind in [
            EntryType::GNULongName,
            EntryType::GNULongLink,
            EntryType::XHeader,
        ] {
            for size in [LONGEST_EXTENSION + 1, 3 << 30, u64::MAX] {
                let refused = one_file(&temp, kind, size).unwrap_err();
                let expected = format!("it has a name of {size} bytes, which is none");
                assert_eq!(refused, expected);
            }
            assert_eq!(one_file(&temp, kind, 100).unwrap_err(), NO_TAR);
        }
        let refused = one_file(&temp, EntryType::Regular, u64::MAX).unwrap_err();
        assert_eq!(refused, "it ends in the middle of name");
        assert_eq!(
            one_file(&temp, EntryType::Directory, u64::MAX).unwrap_err(),
            NO_TAR
        );
    }

    #[test]
    fn sizes_and_names_that_do_not_fit_into_a_header_are_read() {
        let temp = tempdir().unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        let long = "a/".repeat(100) + "name";
        let extensions = [("path", long.as_bytes()), ("size", &b"600"[..])];
        tar.append_pax_extensions(extensions).unwrap();
        let mut bytes = tar.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024); // the end, which its writer adds
        bytes
            .write_all(header(EntryType::Regular, 0).as_bytes())
            .unwrap();
        bytes.extend([7; 1024]); // 600 bytes, rounded up
        bytes
            .write_all(header(EntryType::Regular, 0).as_bytes())
            .unwrap();
        bytes.extend([0; 1024]);
        let listed = list_of(&temp, &bytes).unwrap();
        assert_eq!(listed, [(long, 600), ("name".into(), 0)]);

        let mut tar = tar::Builder::new(Vec::new());
        let long = "b/".repeat(200) + "name";
        let mut size = Header::new_gnu();
        size.set_size(3);
        tar.append_data(&mut size, &long, &b"abc"[..]).unwrap();
        let listed = list_of(&temp, &tar.into_inner().unwrap()).unwrap();
        assert_eq!(listed, [(long, 3)]);
    }

    #[test]
    fn links_lead_to_files_of_the_archive_alone() {
        let temp = tempdir().unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        let mut file = header(EntryType::Regular, 3);
        tar.append_data(&mut file, "a/file", &b"abc"[..]).unwrap();
        for (kind, name, target) in [
            (EntryType::Symlink, "b/inside", "../a/file"),
            (EntryType::Link, "hard", "a/file"),
            (EntryType::Symlink, "out", "/etc/passwd"),
            (EntryType::Symlink, "up", "../../../../etc/passwd"),
            (EntryType::Link, "hard-out", "/etc/passwd"),
            (EntryType::Symlink, "itself", "itself"),
        ] {
            tar.append_link(&mut header(kind, 0), name, target).unwrap();
        }
        let listed = list_of(&temp, &tar.into_inner().unwrap()).unwrap();
        let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a/file", "b/inside", "hard"]);
    }

    #[test]
    fn very_many_files_are_no_archive_of_images() {
        let temp = tempdir().unwrap();
        let folder = header(EntryType::Directory, 0);
        let many = folder.as_bytes().repeat(MOST_ENTRIES + 1);
        let refused = list_of(&temp, &many).unwrap_err();
        assert_eq!(refused, "it has more files than an archive of images");
    }
}
