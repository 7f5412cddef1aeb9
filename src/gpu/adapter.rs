//! Which adapter, with which limits: chosen by flags and environment, else discrete before integrated
//! before virtual before CPU, and always said aloud.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::capabilities::Capabilities;
use super::choice::{self, Choice, Chosen, KINDS};
use super::defects::Defects;
use super::health::Health;
use super::kernel::Kernel;
use super::limits;
use super::patience::Patience;
use super::slip::Slip;
use crate::error::{Error, Result};

/// What a run records about the adapter it ran on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    pub name: String,
    pub backend: String,
    pub kind: String,
    pub driver: String,
    pub driver_info: String,
    pub vendor: u32,
    pub device: u32,
    /// Where it is plugged in, as `0000:01:00.0`; empty where the driver does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pci: String,
}

impl Record {
    /// Whether the other is the same model with the same driver, wherever it is plugged in.
    pub fn is_like(&self, other: &Record) -> bool {
        Record { pci: String::new(), ..self.clone() } == Record { pci: String::new(), ..other.clone() }
    }
}

/// Every adapter of this machine.
pub struct Adapters {
    instance: wgpu::Instance,
    list: Vec<wgpu::Adapter>,
    wanted_backend: Option<String>,
}

/// An opened device with its queue; clones share both.
#[derive(Clone)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) checked: bool,
    pub(super) instance: wgpu::Instance,
    pub(super) health: Health,
    pub(super) memory: Option<u64>,
    pub(super) target: Option<String>,
    limits: wgpu::Limits,
    record: Record,
    remark: Option<String>,
    /// Which of its backend's adapters it is.
    pub(super) place: usize,
    software: bool,
    subgroup: Option<u32>,
    allocated: Arc<AtomicU64>,
    pub(super) defects: Arc<Defects>,
    /// The kernels compiled last, by their text.
    pub(super) kernels: Arc<Mutex<VecDeque<(String, Kernel)>>>,
    pub(super) slips: Vec<Arc<Slip>>,
    pub(super) patience: Patience,
}

const BACKENDS: [(&str, wgpu::Backends); 5] = [
    ("vulkan", wgpu::Backends::VULKAN),
    ("metal", wgpu::Backends::METAL),
    ("dx12", wgpu::Backends::DX12),
    ("gl", wgpu::Backends::GL),
    ("webgpu", wgpu::Backends::BROWSER_WEBGPU),
];

/// Features that are used where the adapter has them.
const WANTED: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY.union(SUBGROUPS).union(super::vectors::FEATURE);

/// What broadcasts and waiting within a subgroup take.
const SUBGROUPS: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER);

impl Adapters {
    /// Lists the adapters of one backend, or of all.
    pub fn enumerate(backend: Option<&str>) -> Result<Adapters> {
        let backends = match backend {
            None => wgpu::Backends::all(),
            Some(name) => BACKENDS
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, backends)| *backends)
                .ok_or_else(|| {
                    let known = BACKENDS.map(|(known, _)| known).join(", ");
                    Error::Usage(format!("unknown backend `{name}`: choose one of {known}"))
                })?,
        };
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = backends;
        // the last tenth of a card belongs to whoever draws the screen: better an error here than a freeze there
        descriptor.memory_budget_thresholds.for_resource_creation = Some(90);
        let instance = wgpu::Instance::new(descriptor);
        let list = pollster::block_on(instance.enumerate_adapters(backends));
        Ok(Adapters { instance, list, wanted_backend: backend.map(str::to_owned) })
    }

    /// The backends that this program was built with.
    pub fn backends() -> Vec<&'static str> {
        let built = wgpu::Instance::enabled_backend_features();
        BACKENDS.iter().filter(|(_, backend)| built.contains(*backend)).map(|(name, _)| *name).collect()
    }

    /// Which of its backend's adapters number `index` is: that does not depend on the backends that were asked.
    fn place(&self, index: usize) -> usize {
        let backend = |i: usize| self.list[i].get_info().backend;
        (0..index).filter(|&i| backend(i) == backend(index)).count()
    }

    /// What each adapter says of itself, in the order of enumeration.
    pub fn records(&self) -> Vec<Record> {
        self.list.iter().map(|adapter| record(&adapter.get_info())).collect()
    }

    /// The adapter to use: what `name` names (see [`Choice::name`]), else the best kind.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] with what there is, or with the remedy if there is none.
    pub fn choose(&self, name: Option<&str>) -> Result<Chosen> {
        choice::choose(&self.records(), name, self.wanted_backend.as_deref())
    }

    /// Limits and features of adapter `index` as name–value pairs, for `doctor`.
    pub fn details(&self, index: usize) -> (Vec<(&'static str, u64)>, Vec<String>) {
        let limits = self.list[index].limits();
        let features = self.list[index].features();
        let shown = vec![
            ("max_buffer_size", limits.max_buffer_size),
            ("max_storage_buffer_binding_size", limits.max_storage_buffer_binding_size),
            ("max_uniform_buffer_binding_size", limits.max_uniform_buffer_binding_size),
            ("max_compute_workgroup_storage_size", limits.max_compute_workgroup_storage_size.into()),
            ("max_compute_invocations_per_workgroup", limits.max_compute_invocations_per_workgroup.into()),
            ("max_compute_workgroups_per_dimension", limits.max_compute_workgroups_per_dimension.into()),
        ];
        let wanted = [("subgroup", wgpu::Features::SUBGROUP), ("timestamp-query", wgpu::Features::TIMESTAMP_QUERY)];
        let offered = wanted.iter().filter(|(_, f)| features.contains(*f)).map(|(n, _)| (*n).to_owned()).collect();
        (shown, offered)
    }
}

impl Gpu {
    /// Opens the adapter that `choice` leads to, with each limit raised to what that adapter offers.
    pub fn open(choice: &Choice) -> Result<Gpu> {
        Gpu::open_with(choice, limits::raised)
    }

    /// The same at the limits that every WebGPU implementation guarantees: what works here works anywhere.
    pub fn open_at_default_limits(choice: &Choice) -> Result<Gpu> {
        Gpu::open_with(choice, |_| limits::least())
    }

    fn open_with(choice: &Choice, limits: fn(&wgpu::Limits) -> wgpu::Limits) -> Result<Gpu> {
        let adapters = Adapters::enumerate(choice.backend.as_deref())?;
        let chosen = adapters.choose(choice.name.as_deref())?;
        let limits = limits(&adapters.list[chosen.index].limits());
        let gpu = Gpu::request(&adapters, chosen.index, limits, choice.clone())?;
        Ok(Gpu { remark: chosen.remark, ..gpu })
    }

    pub(super) fn request(
        adapters: &Adapters,
        index: usize,
        limits: wgpu::Limits,
        Choice { checked, memory, target, .. }: Choice,
    ) -> Result<Gpu> {
        let adapter = &adapters.list[index];
        let info = adapter.get_info();
        if let Some(what) = limits::lacking(&limits, &adapter.limits()) {
            return Err(Error::NoAdapter(format!(
                "adapter `{}` is too small: {what}; try another with --adapter (`acr-pinn-gpu doctor` lists them), \
                 or a newer driver",
                info.name
            )));
        }
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("acr-pinn-gpu"),
            required_features: adapter.features() & WANTED,
            required_limits: limits.clone(),
            ..Default::default()
        }))
        .map_err(|e| {
            Error::NoAdapter(format!("adapter `{}` cannot be opened: {e}; try another with --adapter", info.name))
        })?;
        let health = Health::of(&device);
        let instance = adapters.instance.clone();
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let same_size = info.subgroup_min_size == info.subgroup_max_size;
        let subgroup = (same_size && device.features().contains(SUBGROUPS)).then_some(info.subgroup_min_size);
        Ok(Gpu {
            device,
            queue,
            checked,
            instance,
            health,
            memory,
            target,
            limits,
            record: record(&info),
            remark: None,
            place: adapters.place(index),
            software,
            subgroup,
            allocated: Arc::default(),
            defects: Arc::default(),
            kernels: Arc::default(),
            slips: Vec::new(),
            patience: Patience::default(),
        })
    }

    /// What a run records about this adapter.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What the user should know of the choice of this adapter: others that would have fitted as well.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Whether the adapter renders in software, on the processor.
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Threads of a subgroup, where kernels can use subgroup operations and all subgroups are of one size.
    pub fn subgroup(&self) -> Option<usize> {
        self.subgroup.map(|threads| threads as usize)
    }

    /// What kernels may ask of this adapter.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            target: self.target.clone(),
            software: self.software,
            threads: self.max_threads() as usize,
            workgroup_memory: self.limits.max_compute_workgroup_storage_size as usize,
            binding: self.max_binding(),
            image: self.has_images().then(|| self.max_image()),
            subgroup: self.subgroup(),
            // by the plan's own count; the compiler's runtime checks about double what a driver counts
            trip_limit: self.ends_long_loops().then_some(if self.checked { 22_500 } else { 45_000 }),
        }
    }

    /// Whether modules keep the shader compiler's runtime checks.
    pub fn is_checked(&self) -> bool {
        self.checked
    }

    /// The limits this device was opened with.
    pub(crate) fn limits(&self) -> &wgpu::Limits {
        &self.limits
    }

    /// Bytes that one storage binding may hold.
    pub fn max_binding(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Threads that one workgroup may hold.
    pub fn max_threads(&self) -> u32 {
        self.limits.max_compute_invocations_per_workgroup
    }

    /// Bytes of all buffers and images made so far, whether they are still there or not: the difference around building
    /// something is what it holds.
    pub fn allocated(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Counts `bytes` of device memory just taken.
    pub(super) fn note_allocated(&self, bytes: u64) {
        self.allocated.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes back what [`Gpu::note_allocated`] counted.
    pub(super) fn forget_allocated(&self, bytes: u64) {
        self.allocated.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The one place where shader text becomes a module, with or without the compiler's runtime checks.
    pub(super) fn module(&self, label: &str, text: &str) -> wgpu::ShaderModule {
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(label), source: wgpu::ShaderSource::Wgsl(text.into()) };
        if self.checked {
            return self.device.create_shader_module(descriptor);
        }
        // SAFETY: the checks guard against out-of-bounds indices and endless loops. Our kernels index only
        // within sizes fixed by the prelude and loop only over constants; the tests run them with all checks on.
        unsafe { self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
    }
}

fn record(info: &wgpu::AdapterInfo) -> Record {
    let kind = KINDS.iter().find(|(kind, _)| *kind == info.device_type).map_or("other", |(_, name)| name);
    Record {
        name: info.name.clone(),
        backend: info.backend.to_str().to_owned(),
        kind: kind.to_owned(),
        driver: info.driver.clone(),
        driver_info: info.driver_info.clone(),
        vendor: info.vendor,
        device: info.device,
        pci: info.device_pci_bus_id.clone(),
    }
}
