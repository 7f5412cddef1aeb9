//! The pieces of a document one by one: buffers, kernels and dispatches of a blueprint, and bytes of `data.bin`.

use std::collections::BTreeMap;

use super::schema::{BindingEntry, BufferEntry, DispatchEntry, KernelEntry, Span, WriteEntry};
use crate::error::Result;
use crate::gpu::{Capabilities, Reflection, join};
use crate::kernels::Blueprint;
use crate::kernels::blueprint::{BufferSpec, DispatchSpec, KernelSpec, Kind, PACKED, Size};

/// A document that is being written.
#[derive(Default)]
pub struct Writer {
    pub buffers: Vec<BufferEntry>,
    pub kernels: Vec<KernelEntry>,
    pub texts: Vec<(String, String)>,
    pub data: Vec<u8>,
    /// Those of `data` so far.
    pub spans: Vec<Span>,
}

impl Writer {
    /// Where `bytes` lie from now on; the same bytes lie there once.
    pub fn span(&mut self, bytes: &[u8]) -> Span {
        let held = |span: &&Span| self.data[span.offset as usize..][..span.bytes as usize] == *bytes;
        if let Some(known) = self.spans.iter().find(held) {
            return *known;
        }
        self.data.resize(self.data.len().next_multiple_of(16), 0);
        let offset = self.data.len() as u64;
        self.data.extend_from_slice(bytes);
        let span = Span { offset, bytes: bytes.len() as u64 };
        self.spans.push(span);
        span
    }

    /// Adds a buffer, or makes room in the one of this name; with its first content, where that is wanted.
    pub fn buffer(&mut self, spec: &BufferSpec, contents: bool) {
        let data = (contents && !spec.contents.is_empty()).then(|| self.span(&spec.contents));
        let bytes = spec.bytes.max(4).next_multiple_of(4);
        if let Some(known) = self.buffers.iter_mut().find(|known| known.name == spec.name) {
            known.bytes = known.bytes.max(bytes);
            known.data = data.or(known.data);
            return;
        }
        let kind = match spec.kind {
            Kind::Storage => "storage",
            Kind::Uniform => "uniform",
            Kind::Image => "image",
        };
        let usage = match spec.kind {
            Kind::Image => ["storage_binding", "copy_dst"].map(str::to_owned).to_vec(),
            _ => [kind, "copy_dst", "copy_src"].map(str::to_owned).to_vec(),
        };
        self.buffers.push(BufferEntry { name: spec.name.clone(), kind: kind.to_owned(), bytes, usage, data });
    }

    /// The number of a kernel, which one of the same text has already.
    pub fn kernel(&mut self, spec: &KernelSpec) -> Result<usize> {
        let text = join(&spec.parts);
        if let Some(known) = self.texts.iter().position(|(_, known)| *known == text) {
            return Ok(known);
        }
        let reflection = Reflection::of(spec.label, &text)?;
        let entry = |(name, binding, kind): (&str, u32, &str)| BindingEntry {
            name: name.to_owned(),
            binding,
            kind: kind.to_owned(),
        };
        let number = self.kernels.len();
        let file = format!("{number:02}-{}.wgsl", spec.label);
        self.kernels.push(KernelEntry {
            file: file.clone(),
            entry_point: spec.label.to_owned(),
            threads: reflection.threads,
            bindings: reflection.variables().into_iter().map(entry).collect(),
            equations: spec.equations.clone(),
        });
        self.texts.push((file, text));
        Ok(number)
    }

    /// `numbers` says which kernel here each kernel of the specification is.
    pub fn dispatch(&self, spec: &DispatchSpec, numbers: &[usize]) -> DispatchEntry {
        let kernel = &self.kernels[numbers[spec.kernel]];
        let bound = |variable: &str| kernel.bindings.iter().any(|binding| binding.name == variable);
        let given = spec.buffers.iter().filter(|(variable, _)| bound(variable));
        let count = match spec.size {
            Size::Workgroups(count) => count,
            Size::Threads(count) => count.div_ceil(kernel.threads as usize).max(1),
        } as u32;
        // as many rows as the limit of a dimension asks for; kernels know
        let rows = count.div_ceil(65_535);
        DispatchEntry {
            kernel: numbers[spec.kernel],
            label: spec.label.clone(),
            workgroups: [count.div_ceil(rows), rows, 1],
            buffers: given.map(|(variable, name)| ((*variable).to_owned(), name.clone())).collect(),
            flop: spec.flop,
            every: spec.every,
            points: None,
        }
    }

    /// What the device must allow.
    pub fn limits(&self, dispatches: &[DispatchEntry], offered: &Capabilities) -> BTreeMap<String, u64> {
        let largest = |kind: &str| {
            let of_kind = self.buffers.iter().filter(|buffer| buffer.kind.starts_with(kind));
            of_kind.map(|buffer| buffer.bytes.next_multiple_of(16)).max().unwrap_or(0)
        };
        let bound = |kernel: &KernelEntry| kernel.bindings.iter().filter(|b| b.kind.starts_with("storage")).count();
        let threads = self.kernels.iter().map(|kernel| u64::from(kernel.threads)).max().unwrap_or(0);
        let workgroups = dispatches.iter().flat_map(|dispatch| dispatch.workgroups).max().unwrap_or(0);
        [
            ("maxBufferSize", largest("")),
            ("maxStorageBufferBindingSize", largest("storage")),
            ("maxUniformBufferBindingSize", largest("uniform")),
            ("maxStorageBuffersPerShaderStage", self.kernels.iter().map(bound).max().unwrap_or(0) as u64),
            ("maxComputeInvocationsPerWorkgroup", threads),
            ("maxComputeWorkgroupSizeX", threads),
            ("maxComputeWorkgroupStorageSize", offered.workgroup_memory as u64),
            ("maxComputeWorkgroupsPerDimension", u64::from(workgroups)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Bytes for the beginning of a buffer.
    pub fn write<T: bytemuck::NoUninit>(&mut self, buffer: &str, data: &[T]) -> WriteEntry {
        let span = self.span(bytemuck::cast_slice(data));
        WriteEntry { buffer: buffer.to_owned(), data: Some(span) }
    }

    /// Parameters, their packed copies, and everything that a run begins with as zeros.
    pub fn parameters(&mut self, blueprint: &Blueprint, parameters: &[f32]) -> Vec<WriteEntry> {
        let zero = |buffer: &str| WriteEntry { buffer: buffer.to_owned(), data: None };
        let mut writes = vec![
            self.write("parameters", parameters),
            self.write(PACKED, &blueprint.packing.pack(parameters)),
            zero("moments"),
            zero("control"),
        ];
        if !blueprint.sides.is_empty() {
            writes.extend([zero("squares"), self.write("bases", &blueprint.sides.identity())]);
        }
        writes
    }
}
