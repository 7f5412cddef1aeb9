//! Writing files so that a crash leaves the old one or the new one, never half of either.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

use super::faults::Kind;

/// How the names of temporary files end.
const TEMPORARY: &str = ".tmp";

/// The file that is locked where folders cannot be.
pub const LOCK: &str = ".lock";

/// `path` with an ending that no other process has: on a shared disk a process of the same number may run elsewhere.
pub fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{now:x}-{count}{TEMPORARY}", std::process::id()));
    path.with_file_name(name)
}

/// Whether [`temporary`] made this name: others may have files with that ending.
pub fn is_temporary(name: &str) -> bool {
    let mark = name.strip_suffix(TEMPORARY).and_then(|name| name.rsplit_once('.')).map_or("", |(_, mark)| mark);
    let parts: Vec<&str> = mark.split('-').collect();
    let are_digits = |part: &str, radix| !part.is_empty() && part.chars().all(|c| c.is_digit(radix));
    matches!(parts[..], [process, time, count]
        if are_digits(process, 10) && are_digits(time, 16) && are_digits(count, 10))
}

/// Writes `bytes` to `path` by way of a temporary file in the same directory, synced before it is renamed. A file
/// that is replaced hands its permissions on; a new one may be read by all. A device or a pipe is written as it is.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => Err(Error::output(path, "it is a directory: name a file in it")),
        Ok(known) if !known.is_file() => {
            // it must not be replaced by a file
            let straight = || File::options().write(true).open(path)?.write_all(bytes);
            straight().map_err(|e| Error::output(path, e))
        }
        // through a link: the link stays, its target is replaced
        _ => write_through(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), bytes, None),
    }
}

/// The same with a fault on the way.
pub(super) fn write_through(path: &Path, bytes: &[u8], fault: Option<Kind>) -> Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = temporary(path);
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
        if is_temporary(&entry.file_name().to_string_lossy()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Reads at most `cap` bytes: a larger file is not what it claims to be.
///
/// # Errors
/// [`Error::Input`] for what is not there, may not be read, is no regular file or is too large. A directory, a
/// device or a pipe is not even opened: it could go on for ever, or wait for somebody to write.
pub fn read(path: &Path, cap: u64) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::input(path, unreadable(&error));
    let known = fs::metadata(path).map_err(failed)?;
    if known.is_dir() {
        return Err(Error::input(path, "it is a directory: name a file in it"));
    }
    if !known.is_file() {
        return Err(Error::input(path, "it is a device or a pipe: name a regular file"));
    }
    let large = |size: &str| format!("{size} bytes are more than the {cap} such a file may have: is it another file?");
    if known.len() > cap {
        return Err(Error::input(path, large(&known.len().to_string())));
    }
    // a file may grow while it is read, and some that say they are empty are not
    let mut bytes = Vec::with_capacity(known.len() as usize);
    File::open(path).and_then(|file| file.take(cap + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > cap {
        return Err(Error::input(path, large(&format!("more than {cap}"))));
    }
    match POINTERS.iter().find(|(start, ..)| bytes.starts_with(start)) {
        Some((_, of, remedy)) => {
            Err(Error::input(path, format!("it is a pointer of {of}, not the file itself: fetch that with `{remedy}`")))
        }
        None => Ok(bytes),
    }
}

/// What stands in a repository for a large file that was not fetched: how it begins, whose it is, the remedy.
const POINTERS: [(&[u8], &str, &str); 2] = [
    (b"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"),
    (b"/annex/objects/", "git-annex", "git annex get"),
];

/// The text in `bytes`, without the mark that some editors put before it.
///
/// # Errors
/// It is in another encoding, and which one where that can be told.
pub fn text(bytes: &[u8]) -> std::result::Result<&str, String> {
    let marked = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    // without a mark, half of the bytes of a western text are zero
    if marked || bytes.iter().take(2).filter(|byte| **byte == 0).count() == 1 {
        return Err("it is UTF-16 text: save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is not UTF-8 text: save it as UTF-8, or name another file")
    })
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file: check the path".to_owned(),
        ErrorKind::PermissionDenied => "it may not be read: check its permissions".to_owned(),
        _ => error.to_string(),
    }
}

/// A run directory that belongs to one process: until this is dropped, or the process ends in whatever way.
pub struct Lock {
    _held: Option<File>,
}

impl Lock {
    /// Takes `folder`, which must exist. Where the file system knows no locks, nothing is locked.
    ///
    /// # Errors
    /// [`Error::Usage`] if another process has it.
    pub fn of(folder: &Path) -> Result<Lock> {
        Lock::attempt(folder).ok_or_else(|| {
            Error::Usage(format!(
                "{} is in use by another process that trains there: wait for it, or choose another --out",
                folder.display()
            ))
        })
    }

    /// The same; none if another process has it.
    pub fn attempt(folder: &Path) -> Option<Lock> {
        // on Unix the directory itself, which leaves nothing behind; disks of a network lock only files that are written
        let directory = || if cfg!(unix) { File::open(folder) } else { Err(ErrorKind::Unsupported.into()) };
        let file = || File::options().write(true).create(true).truncate(false).open(folder.join(LOCK));
        for open in [&directory as &dyn Fn() -> std::io::Result<File>, &file] {
            let Ok(file) = open() else { continue };
            match fs4::FileExt::try_lock(&file) {
                Ok(()) => return Some(Lock { _held: Some(file) }),
                Err(fs4::TryLockError::WouldBlock) => return None,
                Err(fs4::TryLockError::Error(error)) => {
                    tracing::debug!("{} cannot be locked: {error}", folder.display());
                }
            }
        }
        Some(Lock { _held: None })
    }
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
        fs::write(folder.path().join("file.123-1f-0.tmp"), "half").unwrap();
        fs::write(folder.path().join("data.tmp"), "somebody's").unwrap();
        sweep(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["data.tmp", "file"]);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let refused = |path: &Path, part: &str| {
            let error = read(path, 4).unwrap_err();
            assert!(error.exit_code() == 4 && error.to_string().contains(part), "{error}");
        };
        refused(&path, "5 bytes are more than the 4");
        refused(folder.path(), "directory");
        refused(&folder.path().join("none"), "no such file");
        assert!(write(folder.path(), b"").unwrap_err().to_string().contains("directory"));
    }

    #[test]
    fn pointers_and_other_encodings_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (content, part) in [
            ("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
            ("/annex/objects/SHA256E-s3--00.csv\n", "git annex get"),
        ] {
            fs::write(&path, content).unwrap();
            let error = read(&path, 1000).unwrap_err();
            assert!(error.exit_code() == 4 && error.to_string().contains(part), "{error}");
        }
        let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        assert_eq!(text("\u{feff}a = 1".as_bytes()).unwrap(), "a = 1");
        assert!(text(&wide("\u{feff}a = 1")).unwrap_err().contains("UTF-16"));
        assert!(text(&wide("a = 1")).unwrap_err().contains("UTF-16"));
        assert!(text(b"a\nb\xe4").unwrap_err().contains("line 2"));
        assert_eq!(text(b"").unwrap(), "");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_are_not_read_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        assert!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string().contains("device or a pipe"));
        // says that it is empty
        assert!(!read(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
        assert!(read(Path::new("/proc/self/status"), 10).unwrap_err().to_string().contains("more than 10 bytes"));
        assert_eq!(write(Path::new("/dev/full"), b"1").unwrap_err().exit_code(), 7);
        assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["file", "link"].map(|name| folder.path().join(name));
        write(&path, b"old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::of(folder.path()).unwrap();
        let error = Lock::of(folder.path()).err().expect("it is taken");
        assert!(error.exit_code() == 2 && error.to_string().contains("another process"), "{error}");
        drop(first);
        Lock::of(folder.path()).unwrap();
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
