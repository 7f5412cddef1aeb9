//! Which of several adapters: by number, PCI address or a part of the name, else the best kind.

use super::Record;
use crate::error::{Error, Result};

/// What the user asked for. Empty fields leave the choice to [`super::Adapters::choose`].
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// A number as `doctor` prints it (`1` or `#1`), a PCI address, or a part of the adapter's name, any case.
    pub name: Option<String>,
    /// `vulkan`, `metal`, `dx12`, `gl` or `webgpu`.
    pub backend: Option<String>,
    /// Keep every runtime check the shader compiler offers (bounds, loops, zeroed workgroup memory).
    pub checked: bool,
    /// Take at most this many bytes of device memory for buffers.
    pub memory: Option<u64>,
    /// The kind of machine that kernels are to be written for, instead of the adapter's own; see
    /// [`super::Capabilities::target`].
    pub target: Option<String>,
}

/// The adapter to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its number in the order of enumeration.
    pub index: usize,
    /// Why it and no other.
    pub reason: String,
    /// What the user should know if others would have fitted as well.
    pub remark: Option<String>,
}

pub(super) const KINDS: [(wgpu::DeviceType, &str); 5] = [
    (wgpu::DeviceType::DiscreteGpu, "discrete GPU"),
    (wgpu::DeviceType::IntegratedGpu, "integrated GPU"),
    (wgpu::DeviceType::VirtualGpu, "virtual GPU"),
    (wgpu::DeviceType::Cpu, "CPU (software rendering)"),
    (wgpu::DeviceType::Other, "other"),
];

/// The adapter of `records` that `wanted` names, the best kind and then the first if that names several; `backend` says
/// where they were looked for.
pub(super) fn choose(records: &[Record], wanted: Option<&str>, backend: Option<&str>) -> Result<Chosen> {
    if records.is_empty() {
        let which = backend.map(|name| format!(" for the backend `{name}`")).unwrap_or_default();
        let built = super::Adapters::backends();
        let remedy = match backend.filter(|name| !built.iter().any(|known| known.eq_ignore_ascii_case(name))) {
            Some(_) => format!("on this system this program has {} only", built.join(", ")),
            None => super::Loader::look().remedy(),
        };
        return Err(Error::NoAdapter(format!(
            "no graphics adapter found{which}: {remedy} (`acr-pinn-gpu doctor` shows all)"
        )));
    }
    let best = |among: &[usize]| {
        let rank = |i: &usize| KINDS.iter().position(|(_, kind)| *kind == records[*i].kind);
        among.iter().copied().min_by_key(rank)
    };
    let all: Vec<usize> = (0..records.len()).collect();
    let Some(wanted) = wanted else {
        let reason = match backend {
            _ if records.len() == 1 => "the only adapter".to_owned(),
            Some(backend) => format!("the best kind of the backend `{backend}`"),
            None => "discrete before integrated before virtual before CPU".to_owned(),
        };
        return Ok(Chosen { index: best(&all).unwrap_or(0), reason, remark: None });
    };
    let (fitting, how) = fitting(records, wanted);
    let Some(index) = best(&fitting) else {
        let found: Vec<_> = records.iter().enumerate().map(|(i, r)| format!("#{i} `{}`", r.name)).collect();
        let problem = match wanted.strip_prefix('#') {
            Some(number) => format!("there is no adapter number {number}"),
            None => format!("no adapter is called `{wanted}`, by name or PCI address"),
        };
        return Err(Error::NoAdapter(format!(
            "{problem}; found {}: choose one of them with --adapter, by its number, PCI address or a part of its name",
            found.join(", ")
        )));
    };
    let others: Vec<String> = fitting.iter().filter(|&&i| i != index).map(|i| format!("#{i}")).collect();
    let remark = others.first().map(|other| {
        format!(
            "`{wanted}` also fits {}: #{index} is the first of the best kind; for another say its number, as in --adapter {}",
            others.join(", "),
            other.trim_start_matches('#')
        )
    });
    Ok(Chosen { index, reason: format!("{how} (--adapter or ACR_PINN_ADAPTER)"), remark })
}

/// The adapters that `wanted` names, and in which way it does.
fn fitting(records: &[Record], wanted: &str) -> (Vec<usize>, String) {
    let all = |fits: &dyn Fn(&Record) -> bool| -> Vec<usize> {
        records.iter().enumerate().filter(|(_, record)| fits(record)).map(|(i, _)| i).collect()
    };
    let number = wanted.strip_prefix('#').unwrap_or(wanted).parse::<usize>().ok();
    if let Some(index) = number.filter(|&index| index < records.len()) {
        return (vec![index], format!("its number is {index}"));
    }
    if wanted.starts_with('#') {
        return (Vec::new(), String::new());
    }
    // `01:00.0` is short for `0000:01:00.0`
    let address = wanted.to_lowercase();
    let at = all(&|r| {
        let pci = r.pci.to_lowercase();
        !pci.is_empty() && (pci == address || pci == format!("0000:{address}"))
    });
    if !at.is_empty() {
        return (at, format!("its PCI address is {wanted}"));
    }
    let part = wanted.to_lowercase();
    (all(&|r| r.name.to_lowercase().contains(&part)), format!("its name contains `{wanted}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, kind: usize, pci: &str) -> Record {
        let (name, pci) = (name.to_owned(), pci.to_owned());
        let (backend, driver, driver_info) = ("vulkan".to_owned(), String::new(), String::new());
        Record { name, backend, kind: KINDS[kind].1.to_owned(), driver, driver_info, vendor: 1, device: 2, pci }
    }

    fn machine() -> Vec<Record> {
        vec![
            adapter("llvmpipe", 3, ""),
            adapter("GeForce 4090", 0, "0000:01:00.0"),
            adapter("GeForce 4090", 0, "0000:C1:00.0"),
            adapter("Radeon 610M", 1, "0000:05:00.0"),
        ]
    }

    fn index(wanted: &str) -> Option<usize> {
        choose(&machine(), Some(wanted), None).ok().map(|chosen| chosen.index)
    }

    #[test]
    fn numbers_addresses_and_names_choose() {
        for (wanted, found) in [
            ("0", Some(0)),
            ("#2", Some(2)),
            ("2", Some(2)),
            ("#4", None),
            ("#", None),
            ("", Some(1)),
            // no number of an adapter, but a part of a name
            ("4090", Some(1)),
            ("0000:c1:00.0", Some(2)),
            ("c1:00.0", Some(2)),
            ("01:00.0", Some(1)),
            ("1:00.0", None),
            ("radeon", Some(3)),
            ("LLVM", Some(0)),
            ("arc", None),
        ] {
            assert_eq!(index(wanted), found, "`{wanted}`");
        }
        assert_eq!(choose(&machine(), None, None).unwrap().index, 1);
    }

    #[test]
    fn a_name_of_several_takes_the_first_of_the_best_kind_and_says_so() {
        let chosen = choose(&machine(), Some("e"), None).unwrap();
        assert_eq!(chosen.index, 1);
        let remark = chosen.remark.unwrap();
        assert!(remark.contains("also fits #0, #2, #3") && remark.ends_with("--adapter 0"), "{remark}");
        assert_eq!(choose(&machine(), Some("01:00.0"), None).unwrap().remark, None);
        let error = choose(&machine(), Some("arc"), None).unwrap_err().to_string();
        assert!(error.contains("`arc`") && error.contains("#3 `Radeon 610M`"), "{error}");
        let error = choose(&machine(), Some("#9"), None).unwrap_err().to_string();
        assert!(error.starts_with("there is no adapter number 9"), "{error}");
        let error = choose(&[], None, Some("vulkan")).unwrap_err().to_string();
        assert!(error.contains("no graphics adapter found for the backend `vulkan`"), "{error}");
        let error = choose(&[], None, Some("webgpu")).unwrap_err().to_string();
        assert!(error.contains("`webgpu`: on this system this program has"), "{error}");
    }
}
