//! Writing files so that a crash leaves the old one or the new one, never half of either.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};

use super::faults::Kind;

/// How the names of temporary files end, after the number of the process.
const TEMPORARY: &str = ".tmp";

/// Writes `bytes` to `path` by way of a temporary file in the same directory, synced before it is renamed. A file
/// that is replaced hands its permissions on; a new one may be read by all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_through(path, bytes, None)
}

/// The same with a fault on the way.
pub(super) fn write_through(path: &Path, bytes: &[u8], fault: Option<Kind>) -> Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}{TEMPORARY}", std::process::id()));
    let temporary = directory.join(name);
    let attempt = || -> std::io::Result<()> {
        let mut file = create(&temporary, path)?;
        let reached =
            if matches!(fault, Some(Kind::ShortWrite | Kind::NoSpace)) { bytes.len() / 2 } else { bytes.len() };
        file.write_all(&bytes[..reached])?;
        if fault == Some(Kind::NoSpace) {
            return Err(std::io::Error::new(ErrorKind::StorageFull, "no space left on device (injected)"));
        }
        file.sync_all()?;
        let written = file.metadata()?.len();
        if written != bytes.len() as u64 {
            return Err(std::io::Error::other(format!("only {written} of {} bytes arrived", bytes.len())));
        }
        match fault {
            Some(Kind::Rename) => return Err(std::io::Error::other("it cannot be renamed (injected)")),
            Some(Kind::Kill) => std::process::abort(),
            _ => fs::rename(&temporary, path)?,
        }
        // the rename itself lives in the directory
        #[cfg(unix)]
        File::open(directory)?.sync_all()?;
        Ok(())
    };
    attempt().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Error::output(path, error)
    })
}

/// Creates `temporary` with the permissions of `target`, or with those of a new file.
fn create(temporary: &Path, target: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let mode = fs::metadata(target).map_or(0o644, |known| known.permissions().mode() & 0o777);
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = target;
    options.open(temporary)
}

/// Removes what killed processes left half written in `folder`.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(TEMPORARY) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Reads at most `cap` bytes: a larger file is not what it claims to be.
pub fn read(path: &Path, cap: u64) -> Result<Vec<u8>> {
    let size = fs::metadata(path).map_err(|e| Error::input(path, e))?.len();
    if size > cap {
        return Err(Error::input(path, format!("{size} bytes are more than the {cap} such a file may have")));
    }
    fs::read(path).map_err(|e| Error::input(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"old content").unwrap();
        for fault in [Kind::ShortWrite, Kind::NoSpace, Kind::Rename] {
            let error = write_through(&path, b"new and longer content", Some(fault)).unwrap_err();
            assert_eq!(error.exit_code(), 7, "{error}");
            assert_eq!(fs::read(&path).unwrap(), b"old content", "{fault:?}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{fault:?}");
        }
        fs::write(folder.path().join("file.123.tmp"), "half").unwrap();
        sweep(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_of_a_replaced_file_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
