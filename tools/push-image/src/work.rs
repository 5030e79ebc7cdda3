//! The folder in which an engine leaves what it builds: its owner's alone, and gone with this
//! process. One that a killed process left is removed by the next.
//!
//! A folder in use is known by a lock on a file in it, which its process holds open and the system
//! takes away when that ends, however it ends. A process ID would be another process's by then.

use std::fs::{self, DirEntry, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use plumbing::{Error, Result};
use tempfile::TempDir;

/// What the names of the folders begin with.
const PREFIX: &str = "push-image-";
/// The file in each that is locked. It gets its name when it is locked: without one the folder is
/// not ready yet, or not of this tool.
const LOCK: &str = "push-image.lock";
/// What only their owner may do.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A folder for what is built; it is removed when it is dropped.
pub struct WorkFolder {
    folder: TempDir,
    _lock: File,
}

impl WorkFolder {
    /// Makes one.
    pub fn new() -> Result<Self> {
        let made = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(FOLDER_MODE))
            .tempdir();
        let made = made.and_then(|folder| {
            let _lock = lock(folder.path())?;
            Ok(WorkFolder { folder, _lock })
        });
        made.map_err(|why| {
            let parent = std::env::temp_dir();
            let parent = parent.display();
            Error::refused(format!("cannot make a folder in {parent}: {why}"))
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes a file that its owner alone can read.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Removes the folders that processes left which were killed. What cannot be removed stays: it is
/// in nobody's way.
pub fn sweep() {
    let folder = std::env::temp_dir();
    if let (Ok(entries), Ok(user)) = (fs::read_dir(folder), user()) {
        for entry in entries.flatten() {
            remove_left(&entry, user);
        }
    }
}

/// Removes a folder, if it is one of this tool's and of a user's, and nobody uses it.
fn remove_left(entry: &DirEntry, user: u32) {
    if !entry
        .file_name()
        .as_encoded_bytes()
        .starts_with(PREFIX.as_bytes())
    {
        return;
    }
    let path = entry.path();
    let Ok(folder) = fs::symlink_metadata(&path) else {
        return;
    };
    let is_private = folder.is_dir() && folder.mode() & 0o777 == FOLDER_MODE;
    if !is_private || folder.uid() != user {
        return;
    }
    let lock = path.join(LOCK);
    match fs::symlink_metadata(&lock) {
        Ok(file) if file.is_file() && file.uid() == user => {}
        _ => return,
    }
    if let Ok(lock) = File::open(&lock)
        && lock.try_lock().is_ok()
    {
        let _ = fs::remove_dir_all(&path);
    }
}

/// Locks a folder.
fn lock(folder: &Path) -> io::Result<File> {
    let unnamed = folder.join("lock");
    let lock = private_file(&unnamed)?;
    lock.lock()?;
    fs::rename(unnamed, folder.join(LOCK))?;
    Ok(lock)
}

/// The user of this process, to whom its files belong.
fn user() -> io::Result<u32> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}
