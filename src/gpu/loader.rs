//! What Vulkan's loader would find on this machine: the loader itself, and the manifests of drivers that it reads. For
//! machines on which no adapter answers; nothing here is loaded.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// The loader and the drivers that are announced to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Loader {
    /// Where the loader's library is.
    pub library: Option<PathBuf>,
    /// The variable that says which manifests count; none if those of the usual folders do.
    pub named_by: Option<String>,
    /// The folders that were looked into.
    pub folders: Vec<PathBuf>,
    pub manifests: Vec<Manifest>,
}

/// A file that announces a driver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    pub path: PathBuf,
    /// The driver's library, as the manifest has it.
    pub library: Option<String>,
    /// What keeps the driver from being loaded, as far as files tell.
    pub problem: Option<String>,
}

/// No manifest is larger.
const CAP: u64 = 1 << 20;

/// The environment: the value of a variable that is set and not empty.
type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

impl Loader {
    /// What there is by this process's environment.
    pub fn look() -> Loader {
        Loader::by(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn by(environment: Environment) -> Loader {
        let names: &[&str] = match std::env::consts::OS {
            "windows" => &["vulkan-1.dll"],
            "macos" => &["libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib"],
            _ => &["libvulkan.so.1", "libvulkan.so"],
        };
        let library = names.iter().find_map(|name| library(name, environment));
        let named = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].into_iter().find(|name| environment(name).is_some());
        let folders = if named.is_some() { Vec::new() } else { folders(environment) };
        let mut paths: Vec<PathBuf> = folders.iter().flat_map(|folder| inside(folder)).collect();
        for variable in named.into_iter().chain(["VK_ADD_DRIVER_FILES"]) {
            for path in list(environment, variable) {
                match path.is_dir() {
                    true => paths.extend(inside(&path)),
                    false => paths.push(path),
                }
            }
        }
        let manifests = paths.iter().map(|path| manifest(path, environment)).collect();
        Loader { library, named_by: named.map(str::to_owned), folders, manifests }
    }

    /// What to do on a machine where no adapter answers.
    pub fn remedy(&self) -> String {
        let install = "install Vulkan's loader and a driver: your GPU maker's, or one that renders in software \
             (Debian, Ubuntu: apt-get install libvulkan1 mesa-vulkan-drivers; Fedora: dnf install vulkan-loader \
             mesa-vulkan-drivers; Arch: pacman -S vulkan-icd-loader vulkan-swrast)";
        let sound = self.manifests.iter().any(|manifest| manifest.problem.is_none());
        match &self.named_by {
            _ if cfg!(not(any(target_os = "linux", target_os = "freebsd"))) => {
                "install the newest driver of your GPU's maker".to_owned()
            }
            _ if self.library.is_none() => install.to_owned(),
            Some(variable) if !sound => {
                format!("{variable} names no driver that is there: unset it, or let it name a manifest that exists")
            }
            None if self.manifests.is_empty() => install.to_owned(),
            None if !sound => format!("no announced driver is whole; {install}"),
            _ => "a driver is announced but gives no adapter: VK_LOADER_DEBUG=all shows what the loader says of it; in a \
                 container, pass the device in (--device /dev/dri, or --gpus all with \
                 NVIDIA_DRIVER_CAPABILITIES=compute,graphics), or install one that renders in software (Debian, Ubuntu: \
                 apt-get install mesa-vulkan-drivers)"
                .to_owned(),
        }
    }
}

/// The paths of a variable that holds several.
fn list(environment: Environment, variable: &str) -> Vec<PathBuf> {
    environment(variable).map(|value| std::env::split_paths(&value).collect()).unwrap_or_default()
}

/// Where the loader looks for manifests, the first first.
fn folders(environment: Environment) -> Vec<PathBuf> {
    let home = |below: &str| environment("HOME").map(|home| Path::new(&home).join(below));
    let one = |variable: &str, default: Option<PathBuf>| environment(variable).map(PathBuf::from).or(default);
    let several = |variable: &str, default: &[&str]| match list(environment, variable) {
        empty if empty.is_empty() => default.iter().map(PathBuf::from).collect(),
        list => list,
    };
    let mut roots: Vec<PathBuf> = one("XDG_CONFIG_HOME", home(".config")).into_iter().collect();
    roots.extend(several("XDG_CONFIG_DIRS", &["/etc/xdg"]));
    roots.extend(["/usr/local/etc", "/etc"].map(PathBuf::from));
    roots.extend(one("XDG_DATA_HOME", home(".local/share")));
    roots.extend(several("XDG_DATA_DIRS", &["/usr/local/share", "/usr/share"]));
    let mut folders: Vec<PathBuf> = roots.into_iter().map(|root| root.join("vulkan/icd.d")).collect();
    let mut seen = std::collections::BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// The manifests in a folder, by name.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    paths.sort();
    paths
}

fn manifest(path: &Path, environment: Environment) -> Manifest {
    let broken = |problem: String| Manifest { path: path.to_owned(), library: None, problem: Some(problem) };
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return broken("there is no such file".into()),
        Err(error) => return broken(error.to_string()),
        Ok(about) if !about.is_file() || about.len() > CAP => return broken("this is no manifest".into()),
        Ok(_) => match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return broken(error.to_string()),
        },
    };
    let document = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
    let Some(named) = document["ICD"]["library_path"].as_str() else {
        return broken("it names no library (ICD.library_path)".into());
    };
    let there = match Path::new(named).components().count() {
        1 => library(named, environment).is_some(),
        // from where the manifest lies, unless it says all
        _ => path.parent().unwrap_or(Path::new("")).join(named).exists(),
    };
    let problem = (!there).then(|| format!("its library {named} is not there"));
    Manifest { path: path.to_owned(), library: Some(named.to_owned()), problem }
}

/// Where the system's linker finds the library `name`.
fn library(name: &str, environment: Environment) -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
        .iter()
        .flat_map(|variable| list(environment, variable))
        .map(|folder| folder.join(name))
        .collect();
    // the linker's cache: paths, each ended by a zero byte
    let cache = std::fs::read("/etc/ld.so.cache").unwrap_or_default();
    let paths = cache.split(|&byte| byte == 0).filter_map(|path| std::str::from_utf8(path).ok());
    places.extend(paths.filter(|path| path.starts_with('/') && path.ends_with(&format!("/{name}"))).map(PathBuf::from));
    let usual =
        ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib", "/run/opengl-driver/lib"];
    places.extend(usual.iter().map(|folder| Path::new(folder).join(name)));
    places.extend(environment("SystemRoot").map(|root| Path::new(&root).join("System32").join(name)));
    places.into_iter().find(|path| path.exists())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn looked(variables: &[(&str, &Path)]) -> Loader {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.display().to_string())).collect();
        Loader::by(&|name| variables.get(name).cloned())
    }

    #[test]
    fn manifests_are_read_where_the_loader_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let icd = folder.path().join("vulkan/icd.d");
        std::fs::create_dir_all(&icd).unwrap();
        let write = |name: &str, text: &str| std::fs::write(icd.join(name), text).unwrap();
        write("driver.so", "");
        write("a.json", r#"{"ICD": {"library_path": "./driver.so"}}"#);
        write("b.json", r#"{"ICD": {"library_path": "/no/such/driver.so"}}"#);
        write("c.json", "{}");
        write("d.json", r#"{"ICD": {"library_path": "libnone-of-this-name.so"}}"#);
        write("note.txt", "no manifest");

        let found = looked(&[("XDG_DATA_DIRS", folder.path())]);
        assert!(found.folders.contains(&icd) && found.named_by.is_none());
        let ours: Vec<_> = found.manifests.iter().filter(|manifest| manifest.path.starts_with(&icd)).collect();
        let problems: Vec<_> = ours.iter().map(|manifest| manifest.problem.as_deref().unwrap_or("none")).collect();
        assert_eq!(
            problems,
            [
                "none",
                "its library /no/such/driver.so is not there",
                "it names no library (ICD.library_path)",
                "its library libnone-of-this-name.so is not there"
            ]
        );

        let missing = looked(&[("VK_DRIVER_FILES", Path::new("/no/such/driver.json"))]);
        assert_eq!(missing.named_by.as_deref(), Some("VK_DRIVER_FILES"));
        assert!(missing.folders.is_empty());
        assert_eq!(missing.manifests.len(), 1);
        assert_eq!(missing.manifests[0].problem.as_deref(), Some("there is no such file"));
        assert_eq!(looked(&[("VK_ICD_FILENAMES", &icd)]).manifests.len(), 4, "a folder stands for its manifests");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_remedy_fits_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let sound = Manifest { path: "a.json".into(), library: Some("a.so".into()), problem: None };
        let broken = Manifest { problem: Some("gone".into()), ..sound.clone() };
        let with = |library: bool, named: bool, manifests: Vec<Manifest>| {
            let library = library.then(|| folder.path().join("libvulkan.so.1"));
            let named_by = named.then(|| "VK_DRIVER_FILES".to_owned());
            Loader { library, named_by, folders: Vec::new(), manifests }.remedy()
        };
        assert!(with(false, false, vec![sound.clone()]).starts_with("install Vulkan's loader"));
        assert!(with(true, true, vec![broken.clone()]).contains("unset it"));
        assert!(with(true, false, Vec::new()).starts_with("install Vulkan's loader"));
        assert!(with(true, false, vec![broken]).starts_with("no announced driver is whole"));
        assert!(with(true, false, vec![sound]).contains("VK_LOADER_DEBUG"));
    }
}
