//! The files of an exported step: written with their hashes, read back only if all of them are what they were.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::build::Package;
use super::schema::{DATA, Document, FileEntry, Span};
use crate::error::{Error, Result};
use crate::training::files;

/// The document's file.
pub const STEP: &str = "step.json";

/// A document is a few hundred kilobytes, a kernel less.
const TEXT_CAP: u64 = 1 << 24;
/// Far more than a step within WebGPU's default limits needs.
const DATA_CAP: u64 = 1 << 30;

/// An exported step as it lies in its folder.
pub struct Folder {
    pub document: Document,
    /// The text of each kernel.
    pub texts: Vec<String>,
    pub data: Vec<u8>,
}

fn entry(bytes: &[u8]) -> FileEntry {
    let sha256 = Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    FileEntry { bytes: bytes.len() as u64, sha256 }
}

/// Writes a package to `folder`, which must be there. The document comes last: what is stopped halfway is no step.
///
/// # Errors
/// [`Error::Output`].
pub fn write(folder: &Path, package: &Package) -> Result<Document> {
    let mut document = package.document.clone();
    for (name, text) in &package.texts {
        files::write(&folder.join(name), text.as_bytes())?;
        document.files.insert(name.clone(), entry(text.as_bytes()));
    }
    if !package.data.is_empty() {
        files::write(&folder.join(DATA), &package.data)?;
        document.files.insert(DATA.to_owned(), entry(&package.data));
    }
    let text = serde_json::to_string_pretty(&document).map_err(|e| Error::output(folder.join(STEP), e))?;
    files::write(&folder.join(STEP), format!("{text}\n").as_bytes())?;
    Ok(document)
}

impl Folder {
    /// Reads a folder and compares every file with the document.
    ///
    /// # Errors
    /// [`Error::Input`] with the file that is missing, has another size or another hash, or what is wrong in the
    /// document.
    pub fn read(folder: &Path) -> Result<Folder> {
        let path = folder.join(STEP);
        let document = Document::parse(&files::read(&path, TEXT_CAP)?).map_err(|what| Error::input(&path, what))?;
        let texts = document.kernels.iter().map(|kernel| {
            let path = folder.join(&kernel.file);
            let bytes = verified(folder, &document, &kernel.file, TEXT_CAP)?;
            files::text(&bytes).map(str::to_owned).map_err(|what| Error::input(path, what))
        });
        let texts = texts.collect::<Result<_>>()?;
        let data = verified(folder, &document, DATA, DATA_CAP)?;
        Ok(Folder { document, texts, data })
    }

    /// A piece of the data.
    pub fn bytes(&self, span: &Span) -> &[u8] {
        &self.data[span.offset as usize..(span.offset + span.bytes) as usize]
    }
}

/// The bytes of a file that the document lists.
fn verified(folder: &Path, document: &Document, name: &str, cap: u64) -> Result<Vec<u8>> {
    let path = folder.join(name);
    // a name that leads elsewhere is in no document of ours
    let wanted = document.files.get(name).filter(|_| Path::new(name).components().count() == 1);
    let wanted = wanted.ok_or_else(|| Error::input(&path, format!("{STEP} says nothing of its size and hash")))?;
    let bytes = files::read(&path, cap)?;
    let again = "copy or export the folder again";
    let got = entry(&bytes);
    if got.bytes != wanted.bytes {
        return Err(Error::input(path, format!("{} bytes instead of {}: {again}", got.bytes, wanted.bytes)));
    }
    if got.sha256 != wanted.sha256 {
        return Err(Error::input(path, format!("it is not the file that was exported, its hash differs: {again}")));
    }
    Ok(bytes)
}
