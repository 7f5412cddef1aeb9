//! The page that plays a step in a browser: our own HTML, style and scripts, embedded as they are. One folder with a step
//! gets the page beside it; a site gets one page and a folder for every step.

use std::path::Path;

use serde_json::json;

use super::schema::Document;
use crate::error::{Error, Result};
use crate::training::files;

/// The files of the page. Scripts are modules, which browsers load from a server only, not from the file system.
const FILES: [(&str, &str); 11] = [
    ("index.html", include_str!("../../assets/page/index.html")),
    ("page.css", include_str!("../../assets/page/page.css")),
    ("page.js", include_str!("../../assets/page/page.js")),
    ("now.js", include_str!("../../assets/page/now.js")),
    ("train.js", include_str!("../../assets/page/train.js")),
    ("show.js", include_str!("../../assets/page/show.js")),
    ("folder.js", include_str!("../../assets/page/folder.js")),
    ("player.js", include_str!("../../assets/page/player.js")),
    ("pictures.js", include_str!("../../assets/page/pictures.js")),
    ("bench.js", include_str!("../../assets/page/bench.js")),
    ("words.js", include_str!("../../assets/page/words.js")),
];

/// The list of a site's steps.
pub const SITE: &str = "site.json";
/// What `site.json` says it is.
pub const SITE_KIND: &str = "acr-pinn-gpu site";

/// What the page finds beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A step.
    Step,
    /// A list of steps.
    Site,
}

/// Writes the page to `folder`, which must be there.
///
/// # Errors
/// [`Error::Output`].
pub fn write(folder: &Path, source: Source) -> Result<()> {
    let list = format!("data-source=\"{SITE}\"");
    for (name, text) in FILES {
        let text = match source {
            // the page does not look for what is not there: that would be an error in every console
            Source::Site if name == "index.html" => text.replace("data-source=\"step.json\"", &list),
            _ => text.to_owned(),
        };
        files::write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// A step of a site.
pub struct Entry {
    /// Its folder, below the site's.
    pub folder: String,
    pub document: Document,
    /// Whether the page offers it for measurements instead of training.
    pub bench: bool,
}

/// Writes `site.json`, by which the page knows what there is to choose from.
///
/// # Errors
/// [`Error::Output`].
pub fn write_list(site: &Path, entries: &[Entry]) -> Result<()> {
    let step = |entry: &Entry| {
        let about = &entry.document.about;
        json!({"folder": entry.folder, "bench": entry.bench, "problem": about.problem, "title": about.title,
            "equation": about.equation, "preset": about.preset, "condition": about.condition,
            "width": about.width, "depth": about.depth})
    };
    let steps: Vec<_> = entries.iter().map(step).collect();
    let document = json!({"schema": 1, "kind": SITE_KIND, "version": env!("CARGO_PKG_VERSION"), "steps": steps});
    files::write(&site.join(SITE), format!("{document:#}\n").as_bytes())
}

/// Bytes of all files in a folder and the folders below.
///
/// # Errors
/// [`Error::Output`] if it cannot be looked at.
pub fn size(folder: &Path) -> Result<u64> {
    let failed = |e| Error::output(folder, e);
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let known = entry.metadata().map_err(failed)?;
        bytes += if known.is_dir() { size(&entry.path())? } else { known.len() };
    }
    Ok(bytes)
}
