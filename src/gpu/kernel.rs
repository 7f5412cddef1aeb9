//! Kernels: shader texts joined by concatenation, their bindings and workgroup size read back from naga.

use std::fmt::Write as _;
use std::sync::PoisonError;

use super::Gpu;
use crate::error::{Error, Result};
use wgpu::naga;

/// One text of a kernel: where it comes from (shown in listings and errors) and what it says.
#[derive(Clone)]
pub struct Part {
    pub name: String,
    pub text: std::borrow::Cow<'static, str>,
}

impl Part {
    /// A part named `name`.
    pub fn new(name: impl Into<String>, text: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Part { name: name.into(), text: text.into() }
    }
}

/// Compiled kernels that a device remembers: those of two networks of one problem.
const KEPT: usize = 16;

#[derive(Clone)]
pub(super) struct Binding {
    name: String,
    pub(super) index: u32,
    pub(super) kind: wgpu::BindingType,
}

/// A linked and compiled kernel.
#[derive(Clone)]
pub struct Kernel {
    label: String,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    bindings: Vec<Binding>,
    threads: u32,
}

/// One entry of a step: a kernel with its buffers and its number of workgroups, or a copy between kernels.
#[derive(Clone)]
pub struct Dispatch {
    pub(super) work: Work,
    /// The kernel's name, or one of its own, for timings and listings.
    pub label: String,
    /// Size of everything it binds: its traffic if each buffer passed through memory once.
    pub bytes: u64,
    /// Floating-point operations that it has to do, where somebody has counted them.
    pub flop: Option<f64>,
    /// It has something to do in every step whose number is a multiple of this.
    pub every: u64,
}

impl Dispatch {
    /// With a name of its own for timings, and its floating-point operations.
    pub fn counted(self, label: impl Into<String>, flop: Option<f64>) -> Dispatch {
        Dispatch { label: label.into(), flop, ..self }
    }

    /// With nothing to do but in every `every`-th step.
    pub fn every(self, every: u64) -> Dispatch {
        Dispatch { every, ..self }
    }
}

/// What a [`Dispatch`] has the device do.
#[derive(Clone)]
pub(super) enum Work {
    Kernel(Launch),
    Copy { buffer: wgpu::Buffer, texture: wgpu::Texture },
}

/// A kernel with its buffers and its size.
#[derive(Clone)]
pub(super) struct Launch {
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    workgroups: [u32; 2],
}

impl Launch {
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups(self.workgroups[0], self.workgroups[1], 1);
    }
}

/// Device memory that a variable of a kernel can be bound to.
pub trait Resource: Sync {
    #[doc(hidden)]
    fn binding(&self) -> wgpu::BindingResource<'_>;
    /// Its size in bytes.
    fn bytes(&self) -> u64;
}

/// What the compiler reads in a kernel's text, without a device.
pub struct Reflection {
    pub(super) bindings: Vec<Binding>,
    /// Threads of a workgroup.
    pub threads: u32,
}

impl Reflection {
    /// Parses and validates `text`, whose entry point is `label`.
    ///
    /// # Errors
    /// [`Error::Kernel`] with the line that is wrong.
    pub fn of(label: &str, text: &str) -> Result<Reflection> {
        let fail = |what: String| Error::Kernel { kernel: label.to_owned(), what };
        let module = naga::front::wgsl::parse_str(text).map_err(|e| fail(e.emit_to_string(text)))?;
        let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all())
            .validate(&module)
            .map_err(|e| fail(e.emit_to_string(text)))?;
        let entry = module
            .entry_points
            .iter()
            .position(|e| e.name == label)
            .ok_or_else(|| fail(format!("no entry point `{label}`")))?;
        let bindings = bindings(&module, info.get_entry_point(entry));
        let threads = module.entry_points[entry].workgroup_size.iter().product();
        Ok(Reflection { bindings, threads })
    }

    /// Name, number and kind of every variable that the kernel binds.
    pub fn variables(&self) -> Vec<(&str, u32, &'static str)> {
        let kind = |ty: &wgpu::BindingType| match ty {
            wgpu::BindingType::Buffer { ty: wgpu::BufferBindingType::Uniform, .. } => "uniform",
            wgpu::BindingType::Buffer { ty: wgpu::BufferBindingType::Storage { read_only: true }, .. } => {
                "storage, read"
            }
            wgpu::BindingType::Buffer { .. } => "storage, read_write",
            _ => "image",
        };
        self.bindings.iter().map(|binding| (binding.name.as_str(), binding.index, kind(&binding.kind))).collect()
    }
}

/// The text that `parts` make, one after the other with their names.
pub fn join(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let _ = writeln!(text, "// ── {} ──\n{}", part.name, part.text);
    }
    text
}

impl Kernel {
    /// Joins `parts`, compiles the entry point `label` and reads names, bindings and workgroup size back. A text
    /// that this device has compiled lately is not compiled again: two conditions of a study differ in one small
    /// kernel, and the large ones can take a minute in software.
    ///
    /// Fails with [`Error::Kernel`] where the text does not parse, naming the part and line.
    pub fn link(gpu: &Gpu, label: &str, parts: &[Part]) -> Result<Kernel> {
        let text = gpu.slipped(join(parts));
        dump(label, &text);
        let known = |kernel: &&(String, Kernel)| kernel.1.label == label && kernel.0 == text;
        let lately = || gpu.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, kernel)) = lately().iter().find(known) {
            return Ok(kernel.clone());
        }
        let kernel = Kernel::compile(gpu, label, &text)?;
        let mut kernels = lately();
        if kernels.len() == KEPT {
            kernels.pop_front();
        }
        kernels.push_back((text, kernel.clone()));
        Ok(kernel)
    }

    pub(super) fn compile(gpu: &Gpu, label: &str, text: &str) -> Result<Kernel> {
        let fail = |what: String| Error::Kernel { kernel: label.to_owned(), what };
        let Reflection { bindings, threads } = Reflection::of(label, text)?;
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(label),
            entries: &bindings.iter().map(layout_entry).collect::<Vec<_>>(),
        });
        let given = (label.to_owned(), text.to_owned(), layout.clone());
        let pipeline = gpu.patiently(move |gpu| {
            let (label, text, layout) = &given;
            pipeline(gpu, label, text, layout)
        })?;
        Ok(Kernel { label: label.to_owned(), pipeline: pipeline.map_err(fail)?, layout, bindings, threads })
    }

    /// Binds buffers by the names of the shader's variables. Every used variable must be given; extra names
    /// are allowed, so that variants of a kernel can share one call.
    pub fn bind<R: Resource + ?Sized>(&self, gpu: &Gpu, buffers: &[(&str, &R)]) -> Result<Bound<'_>> {
        let mut bytes = 0;
        let entries = self
            .bindings
            .iter()
            .map(|b| {
                let (_, buffer) = buffers.iter().find(|(name, _)| *name == b.name).ok_or_else(|| Error::Kernel {
                    kernel: self.label.clone(),
                    what: format!("variable `{}` was given no buffer", b.name),
                })?;
                bytes += buffer.bytes();
                Ok(wgpu::BindGroupEntry { binding: b.index, resource: buffer.binding() })
            })
            .collect::<Result<Vec<_>>>()?;
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&self.label),
            layout: &self.layout,
            entries: &entries,
        });
        Ok(Bound { kernel: self, group, bytes })
    }
}

/// What the driver makes of a text, or what it says against it.
fn pipeline(
    gpu: &Gpu,
    label: &str,
    text: &str,
    layout: &wgpu::BindGroupLayout,
) -> std::result::Result<wgpu::ComputePipeline, String> {
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let shader = gpu.module(label, text);
    let layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(label),
        layout: Some(&layout),
        module: &shader,
        entry_point: Some(label),
        compilation_options: wgpu::PipelineCompilationOptions {
            zero_initialize_workgroup_memory: gpu.checked,
            ..Default::default()
        },
        cache: None,
    });
    match pollster::block_on(scope.pop()) {
        Some(error) => Err(error.to_string()),
        None => Ok(pipeline),
    }
}

/// A kernel with its buffers, waiting for a size.
pub struct Bound<'a> {
    kernel: &'a Kernel,
    group: wgpu::BindGroup,
    bytes: u64,
}

impl Bound<'_> {
    /// One thread per item; more than 65 535 workgroups fold into rows, and the kernel reads its index as
    /// `x + y · rows`.
    pub fn threads(self, count: u32) -> Dispatch {
        let groups = count.div_ceil(self.kernel.threads).max(1);
        self.workgroups(groups)
    }

    /// `count` workgroups, folded as for [`Bound::threads`].
    pub fn workgroups(self, count: u32) -> Dispatch {
        let rows = count.div_ceil(65_535);
        let launch = Launch {
            pipeline: self.kernel.pipeline.clone(),
            group: self.group,
            workgroups: [count.div_ceil(rows), rows],
        };
        Dispatch {
            work: Work::Kernel(launch),
            label: self.kernel.label.clone(),
            bytes: self.bytes,
            flop: None,
            every: 1,
        }
    }
}

/// `ACR_PINN_DUMP_SHADERS=DIR` writes every linked module there, for reading and for bug reports.
fn dump(label: &str, text: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if let Some(dir) = std::env::var_os("ACR_PINN_DUMP_SHADERS") {
        let path =
            std::path::Path::new(&dir).join(format!("{:03}-{label}.wgsl", COUNT.fetch_add(1, Ordering::Relaxed)));
        if let Err(error) = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, text)) {
            tracing::warn!("cannot dump {}: {error}", path.display());
        }
    }
}

fn bindings(module: &naga::Module, used: &naga::valid::FunctionInfo) -> Vec<Binding> {
    module
        .global_variables
        .iter()
        .filter(|(handle, _)| !used[*handle].is_empty())
        .filter_map(|(_, variable)| {
            let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
            let kind = match variable.space {
                naga::AddressSpace::Uniform => buffer(wgpu::BufferBindingType::Uniform),
                naga::AddressSpace::Storage { access } => {
                    buffer(wgpu::BufferBindingType::Storage { read_only: !access.contains(naga::StorageAccess::STORE) })
                }
                naga::AddressSpace::Handle => image(&module.types[variable.ty].inner)?,
                _ => return None,
            };
            let index = variable.binding?.binding;
            Some(Binding { name: variable.name.clone()?, index, kind })
        })
        .collect()
}

/// The binding of an image of `vec4f`, the only kind that kernels here use.
fn image(inner: &naga::TypeInner) -> Option<wgpu::BindingType> {
    let naga::TypeInner::Image { class: naga::ImageClass::Storage { access, .. }, .. } = inner else { return None };
    let access = match access.contains(naga::StorageAccess::STORE) {
        true => wgpu::StorageTextureAccess::ReadWrite,
        false => wgpu::StorageTextureAccess::ReadOnly,
    };
    let format = wgpu::TextureFormat::Rgba32Float;
    Some(wgpu::BindingType::StorageTexture { access, format, view_dimension: wgpu::TextureViewDimension::D2 })
}

fn layout_entry(binding: &Binding) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding: binding.index,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: binding.kind,
        count: None,
    }
}
