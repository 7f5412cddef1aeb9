//! The file that remembers measured tiles, for all runs of a user. It can be deleted at any time, and a file that is
//! damaged or of another program is as good as none: it is replaced.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::gpu::Record;
use crate::kernels::{Plan, Setup, Tile, prelude};

use super::chain::hex;
use super::files;
use super::journal::utc_now;

const FORMAT: &str = "acr-pinn-gpu tiles 1";

/// What every version's file says.
const KIND: &str = "acr-pinn-gpu tiles";

/// More bytes than [`MOST`] entries have.
const CAP: u64 = 1 << 20;

/// Entries that are kept: the newest.
const MOST: usize = 256;

/// The variable that says where the file is; empty for nowhere.
const VARIABLE: &str = "ACR_PINN_CACHE";

/// What a tile was measured for: whatever differs, another may be faster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    adapter: String,
    backend: String,
    driver: String,
    driver_info: String,
    checked: bool,
    /// Of all shader texts that the step may be made of, and this program's version.
    sha256: String,
    plan: String,
    problem: String,
    network: String,
    variant: String,
    width: usize,
    depth: usize,
    /// Of each set.
    points: Vec<usize>,
}

impl Key {
    /// Of `setup`'s step by `plan` on an adapter, whose kernels keep the shader compiler's runtime checks or not.
    pub fn of(adapter: &Record, checked: bool, setup: &Setup, plan: &dyn Plan) -> Key {
        let adapter = adapter.clone();
        let mut hash = Sha256::new();
        let shared = prelude::texts().chain([setup.strategy.shader(), env!("CARGO_PKG_VERSION")]).map(str::to_owned);
        for text in shared.chain([setup.problem.statement().text()]) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        Key {
            adapter: adapter.name,
            backend: adapter.backend,
            driver: adapter.driver,
            driver_info: adapter.driver_info,
            checked,
            sha256: hex(&hash.finalize()),
            plan: plan.name().to_owned(),
            problem: setup.problem.name().to_owned(),
            network: setup.network.name().to_owned(),
            variant: setup.shape.variant.name().to_owned(),
            width: setup.shape.width,
            depth: setup.shape.depth,
            points: setup.counts.clone(),
        }
    }
}

/// What is remembered of a measurement.
pub struct Entry {
    pub tile: Tile,
    /// Time of a step with the default over that with this tile.
    pub gain: f64,
    /// When.
    pub measured: String,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Content {
    format: String,
    tiles: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: Key,
    /// Of a version with other sizes it need not be a [`Tile`] of this one.
    tile: Value,
    gain: f64,
    measured: String,
}

/// A place for measured tiles.
pub struct Cache {
    path: PathBuf,
}

impl Cache {
    /// The file at `path`, which need not be there.
    pub fn at(path: impl Into<PathBuf>) -> Cache {
        Cache { path: path.into() }
    }

    /// The file that `ACR_PINN_CACHE` names, or `acr-pinn-gpu/tiles.json` where this system keeps a user's caches. None if
    /// the variable is empty, or if the system says of no such place.
    pub fn of_user() -> Option<Cache> {
        if let Some(path) = std::env::var_os(VARIABLE) {
            return (!path.is_empty()).then(|| Cache::at(path));
        }
        let folder = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = if cfg!(windows) {
            folder("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            folder("HOME").map(|home| home.join("Library/Caches"))
        } else {
            folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))
        };
        Some(Cache::at(caches?.join("acr-pinn-gpu/tiles.json")))
    }

    /// What is remembered for `key`.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is there and cannot be read, or is no file of tiles.
    pub fn find(&self, key: &Key) -> Result<Option<Entry>> {
        let found = self.read()?.into_iter().find(|line| line.key == *key);
        let entry = |line: Line| {
            let tile = serde_json::from_value(line.tile).ok()?;
            Some(Entry { tile, gain: line.gain, measured: line.measured })
        };
        Ok(found.and_then(entry))
    }

    /// Remembers `tile` for `key`, instead of what was remembered for it.
    ///
    /// # Errors
    /// [`Error::Output`] if the file cannot be written.
    pub fn remember(&self, key: &Key, tile: Tile, gain: f64) -> Result<()> {
        let tile = serde_json::to_value(tile).unwrap_or_default();
        let mut tiles = vec![Line { key: key.clone(), tile, gain, measured: utc_now() }];
        self.is_ours_or_nothing()?;
        // a damaged file is replaced
        tiles.extend(self.read().unwrap_or_default().into_iter().filter(|line| line.key != *key).take(MOST - 1));
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        folder.map_or(Ok(()), std::fs::create_dir_all).map_err(|e| Error::output(&self.path, e))?;
        let content = Content { format: FORMAT.to_owned(), tiles };
        let text = serde_json::to_string_pretty(&content).map_err(|e| Error::output(&self.path, e))?;
        files::write(&self.path, text.as_bytes())
    }

    /// The path comes from the user, and may be that of a file with something else in it.
    fn is_ours_or_nothing(&self) -> Result<()> {
        let bytes = if self.path.is_file() { files::read(&self.path, CAP)? } else { Vec::new() };
        let ours = bytes.windows(KIND.len()).any(|part| part == KIND.as_bytes());
        if ours || bytes.is_empty() {
            return Ok(());
        }
        let what = format!("it is no cache of tiles, and not replaced: remove it, or let {VARIABLE} name another file");
        Err(Error::output(&self.path, what))
    }

    /// All entries, newest first.
    fn read(&self) -> Result<Vec<Line>> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let bytes = files::read(&self.path, CAP)?;
        let damaged = |what: String| Error::input(&self.path, format!("no readable cache of tiles ({what})"));
        let content: Content = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        match content.format == FORMAT {
            true => Ok(content.tiles),
            false => Err(damaged(format!("its format is `{}` instead of `{FORMAT}`", content.format))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, Options};
    use super::*;
    use crate::kernels::gpu::Gpu;

    fn key(checked: bool, change: impl Fn(&mut Options)) -> Key {
        let text = |text: &str| text.to_owned();
        let record = Record {
            name: text("card"),
            backend: text("vulkan"),
            kind: text("discrete GPU"),
            driver: text("driver"),
            driver_info: text("1.2"),
            vendor: 1,
            device: 2,
            pci: String::new(),
        };
        let mut options = Options::default();
        change(&mut options);
        let config = Draft::new("klein-gordon", &options, Options::default()).unwrap().resolve("quick").unwrap();
        Key::of(&record, checked, &config.setup(), config.plan)
    }

    fn tile(span: usize) -> Tile {
        Tile::Gpu(Gpu { lanes: 32, groups: span, rows: 10, columns: 2, slabs: 512 })
    }

    fn usual() -> Key {
        key(false, |_| {})
    }

    #[test]
    fn a_tile_is_found_for_what_it_was_measured_for_and_for_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("not/there/yet/tiles.json"));
        assert!(cache.find(&usual()).unwrap().is_none());
        cache.remember(&usual(), tile(2), 1.25).unwrap();
        let found = cache.find(&usual()).unwrap().unwrap();
        assert_eq!((found.tile, found.gain), (tile(2), 1.25));
        let others = [
            key(true, |_| {}),
            key(false, |o| o.width = Some(17)),
            key(false, |o| o.depth = Some(5)),
            key(false, |o| o.points = vec![("pde".into(), 7)]),
            key(false, |o| o.network = Some("mlp".into())),
            key(false, |o| o.plan = Some("layered".into())),
            Key { driver_info: "1.3".into(), ..usual() },
            Key { sha256: "other shaders".into(), ..usual() },
        ];
        for other in &others {
            assert!(cache.find(other).unwrap().is_none(), "{other:?}");
            cache.remember(other, tile(4), 1.0).unwrap();
        }
        // seed, rate and length change no kernel
        let same = key(false, |o| (o.seed, o.rate, o.steps) = (Some(3), Some(0.01), Some(5)));
        cache.remember(&same, tile(1), 1.5).unwrap();
        assert_eq!(cache.find(&usual()).unwrap().unwrap().tile, tile(1));
        assert_eq!(cache.read().unwrap().len(), 1 + others.len());
    }

    #[test]
    fn a_damaged_cache_is_named_and_replaced_and_another_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiles.json");
        let cache = Cache::at(&path);
        for text in ["{", "[]", r#"{"format": "another", "tiles": []}"#, r#"{"format": 1}"#] {
            std::fs::write(&path, text).unwrap();
            let error = cache.remember(&usual(), tile(2), 1.0).unwrap_err();
            assert!(error.exit_code() == 7 && error.to_string().contains("not replaced"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        for text in ["", "{\"format\": \"acr-pinn-gpu tiles 1\", \"ti", r#"{"format": "acr-pinn-gpu tiles 0"}"#] {
            std::fs::write(&path, text).unwrap();
            let error = cache.find(&usual()).err().unwrap().to_string();
            assert!(error.contains("tiles.json") && error.contains("no readable cache of tiles"), "{error}");
            cache.remember(&usual(), tile(2), 1.0).unwrap();
            assert!(cache.find(&usual()).unwrap().is_some());
        }
        // a tile of another version is none, and spoils no other
        let text = std::fs::read_to_string(&path).unwrap().replace("\"lanes\"", "\"waves\"");
        std::fs::write(&path, text).unwrap();
        assert!(cache.find(&usual()).unwrap().is_none());
        assert_eq!(Cache::at(folder.path()).remember(&usual(), tile(2), 1.0).unwrap_err().exit_code(), 7);
    }

    #[test]
    fn old_entries_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("tiles.json"));
        let keys = |width| Key { width, ..usual() };
        (0..MOST + 2).for_each(|width| cache.remember(&keys(width), tile(2), 1.0).unwrap());
        assert!(cache.find(&keys(1)).unwrap().is_none() && cache.find(&keys(2)).unwrap().is_some());
        assert!(std::fs::metadata(folder.path().join("tiles.json")).unwrap().len() < CAP / 2);
    }
}
