//! Writing files so that a crash leaves the old one or the new one, never half of either.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to `path` by way of a temporary file in the same directory, synced before it is renamed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = directory.join(name);
    let attempt = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
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

/// Reads at most `cap` bytes: a larger file is not what it claims to be.
pub fn read(path: &Path, cap: u64) -> Result<Vec<u8>> {
    let size = fs::metadata(path).map_err(|e| Error::input(path, e))?.len();
    if size > cap {
        return Err(Error::input(path, format!("{size} bytes are more than the {cap} such a file may have")));
    }
    fs::read(path).map_err(|e| Error::input(path, e))
}
