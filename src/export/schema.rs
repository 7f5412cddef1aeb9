//! `step.json`: a training step as a document that any WebGPU implementation can play. docs/EXPORT.md explains every key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lab::timing::Row;
use crate::training::files;

/// What the document says it is.
pub const KIND: &str = "acr-pinn-gpu step";
/// The layout of the document; it changes with every change that is more than an addition.
pub const SCHEMA: u32 = 1;
/// The file that everything binary lies in.
pub const DATA: &str = "data.bin";

/// A whole step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub schema: u32,
    pub kind: String,
    /// Of the program that wrote it.
    pub version: String,
    pub about: About,
    /// What the device must allow, by WebGPU's names; never more than WebGPU's defaults in an exported step.
    pub limits: BTreeMap<String, u64>,
    /// Optional features of WebGPU that must be there.
    pub features: Vec<String>,
    /// Size and hash of every file beside this one.
    #[serde(default)]
    pub files: BTreeMap<String, FileEntry>,
    pub buffers: Vec<BufferEntry>,
    pub kernels: Vec<KernelEntry>,
    /// Once per start, behind its writes.
    pub setup: Vec<DispatchEntry>,
    /// A training step.
    pub step: Vec<DispatchEntry>,
    /// The network at the points of `evaluation`, batch after batch.
    #[serde(default)]
    pub evaluate: Vec<DispatchEntry>,
    /// What is written before the first step, a start per seed.
    #[serde(default)]
    pub starts: Vec<Start>,
    pub ring: Ring,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
    /// Where pictures are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridEntry>,
    /// The known answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Losses of the first steps by the f64 oracle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// One step at given points, by the f64 oracle: what is timed is held against it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// A row of `bench` for this step, with everything that is known before it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Row>,
}

/// What is trained, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub problem: String,
    pub title: String,
    pub equation: String,
    pub network: String,
    pub variant: String,
    pub strategy: String,
    /// Folders from before there was a choice do not say: adam.
    #[serde(default)]
    pub optimiser: String,
    pub condition: String,
    pub preset: String,
    pub width: usize,
    pub depth: usize,
    /// Points of each set, in the problem's order.
    pub points: Vec<(String, usize)>,
    pub sampling: String,
    /// Steps of the run that the learning rate is stretched over.
    pub steps: u64,
    pub seed: u64,
    /// Numbers that are trained.
    pub parameters: usize,
    pub terms: Vec<String>,
    pub fields: Vec<String>,
    pub plan: String,
    pub target: String,
    pub tile: Value,
    /// Floating-point operations that a step needs.
    pub flop: f64,
}

/// A file beside the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub bytes: u64,
    /// In small hexadecimal digits.
    pub sha256: String,
}

/// A piece of `data.bin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub offset: u64,
    pub bytes: u64,
}

/// Device memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BufferEntry {
    pub name: String,
    /// `storage` or `uniform`; `image` (of `vec4f`) in what `kernels` writes for software rendering.
    pub kind: String,
    /// What kernels see of it.
    pub bytes: u64,
    /// Usages by WebGPU's names, in small letters.
    pub usage: Vec<String>,
    /// Its first content; zeros if there is none.
    pub data: Option<Span>,
}

/// A kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelEntry {
    pub file: String,
    pub entry_point: String,
    /// Threads of a workgroup.
    pub threads: u32,
    pub bindings: Vec<BindingEntry>,
    /// What it computes.
    #[serde(default)]
    pub equations: Vec<String>,
}

/// A variable of a kernel, all in group 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BindingEntry {
    pub name: String,
    pub binding: u32,
    /// `storage, read`, `storage, read_write`, `uniform` or `image`.
    pub kind: String,
}

fn always() -> u64 {
    1
}

fn is_always(every: &u64) -> bool {
    *every == always()
}

/// A kernel at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DispatchEntry {
    /// Its number among `kernels`.
    pub kernel: usize,
    pub label: String,
    /// In x, y and z.
    pub workgroups: [u32; 3],
    /// Variable of the kernel: name of the buffer.
    pub buffers: BTreeMap<String, String>,
    pub flop: Option<f64>,
    /// It has something to do in every step whose number is a multiple of this; elsewhere it may be left out.
    #[serde(default = "always", skip_serializing_if = "is_always")]
    pub every: u64,
    /// The points that a batch of `evaluate` is about: the first, and how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<[usize; 2]>,
}

/// Bytes for the beginning of a buffer; without `data` the whole buffer becomes zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteEntry {
    pub buffer: String,
    pub data: Option<Span>,
}

/// The beginning of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub seed: u64,
    pub writes: Vec<WriteEntry>,
}

/// How to read what the device notes of each step: `records` places of `numbers` floats, step s at place s mod `records`.
/// The rest are places within a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    pub buffer: String,
    pub records: usize,
    pub numbers: usize,
    pub losses: usize,
    pub coefficients: usize,
    pub gram: usize,
    pub rate: usize,
}

/// What `evaluate` leaves, `[point][field][stream]` in a buffer, and what is made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub buffer: String,
    pub fields: usize,
    /// 1: the value. 3: value and slopes along the first two axes.
    pub streams: usize,
    /// The first is drawn.
    pub observables: Vec<ObservableEntry>,
    /// Observables whose distance from the reference, as one vector, is the error.
    pub compared: Vec<String>,
    /// The points at which errors are taken: the first, and how many.
    pub counted: [usize; 2],
}

/// Something computed from fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservableEntry {
    pub name: String,
    /// `value` of a field, `velocity_x` (∂₁ψ), `velocity_y` (−∂₀ψ) or `speed` of a stream function, `modulus` of two fields.
    pub quantity: String,
    pub fields: Vec<usize>,
}

/// A rectangular grid; node (i, j) is point `points[0] + i · count of axis 1 + j`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridEntry {
    pub axes: Vec<AxisEntry>,
    /// Where it lies on further axes.
    pub slice: Vec<f64>,
    /// Which points of the evaluation its nodes are: the first, and how many.
    pub points: [usize; 2],
}

/// An axis of a grid, both ends included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AxisEntry {
    pub name: String,
    pub lower: f64,
    pub upper: f64,
    pub count: usize,
}

/// The known answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    pub origin: String,
    pub values: Vec<ReferenceValues>,
}

/// Values of an observable at all points of the evaluation, as f32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceValues {
    pub observable: String,
    pub data: Span,
}

/// Losses of the first steps from the start of `seed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub seed: u64,
    /// `[step][term]`.
    pub losses: Vec<Vec<f64>>,
    /// Largest relative difference that passes.
    pub tolerance: f64,
}

/// One step at given parameters, points and orders. After the writes and dispatches the first record of the ring must
/// agree with what stands here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub writes: Vec<WriteEntry>,
    pub dispatches: Vec<DispatchEntry>,
    /// Relative to each loss.
    pub losses: Wanted,
    /// Relative to the largest.
    pub coefficients: Wanted,
    /// Row by row; entry (i, j) relative to √(mᵢᵢ mⱼⱼ).
    pub gram: Wanted,
}

/// Numbers by the f64 oracle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    pub values: Vec<f64>,
    /// Largest relative difference that passes.
    pub tolerance: f64,
}

impl Document {
    /// Reads a document from bytes and checks that its parts name each other rightly.
    ///
    /// # Errors
    /// Says what is not as in a document of this schema.
    pub fn parse(bytes: &[u8]) -> Result<Document, String> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            schema: u32,
        }
        let text = files::text(bytes)?;
        let again = "write the folder again with `acr-pinn-gpu export`";
        let head: Head = serde_json::from_str(text).map_err(|e| format!("not an exported step ({e}): {again}"))?;
        if head.kind != KIND {
            return Err(format!("a document of `{}`, where one of `{KIND}` is expected", head.kind));
        }
        if head.schema != SCHEMA {
            return Err(format!("schema {}, this program reads {SCHEMA}: {again}", head.schema));
        }
        let document: Document = serde_json::from_str(text).map_err(|e| format!("damaged ({e}): {again}"))?;
        document.check().map_err(|what| format!("{what}: {again}"))?;
        Ok(document)
    }

    /// The buffer called `name`.
    pub fn buffer(&self, name: &str) -> Option<&BufferEntry> {
        self.buffers.iter().find(|buffer| buffer.name == name)
    }

    /// Every list of dispatches.
    pub fn dispatches(&self) -> impl Iterator<Item = &DispatchEntry> {
        let proof = self.proof.iter().flat_map(|proof| &proof.dispatches);
        self.setup.iter().chain(&self.step).chain(&self.evaluate).chain(proof)
    }

    /// Every write.
    pub fn writes(&self) -> impl Iterator<Item = &WriteEntry> {
        let proof = self.proof.iter().flat_map(|proof| &proof.writes);
        self.starts.iter().flat_map(|start| &start.writes).chain(proof)
    }

    /// Kernels, buffers and pieces of data that others name are there and large enough.
    fn check(&self) -> Result<(), String> {
        let known = |name: &str| self.buffer(name).ok_or_else(|| format!("there is no buffer `{name}`"));
        let whole = self.files.get(DATA).map_or(0, |file| file.bytes);
        let inside = |span: &Span, what: &str| match span.offset.checked_add(span.bytes) {
            Some(end) if end <= whole => Ok(()),
            _ => Err(format!("the data of {what} ends behind {DATA}, which has {whole} bytes")),
        };
        for buffer in &self.buffers {
            match &buffer.data {
                Some(span) if span.bytes > buffer.bytes => {
                    return Err(format!("the data of `{}` is larger than it", buffer.name));
                }
                Some(span) => inside(span, &buffer.name)?,
                None => {}
            }
        }
        for write in self.writes() {
            let buffer = known(&write.buffer)?;
            if let Some(span) = &write.data {
                inside(span, &write.buffer)?;
                if span.bytes > buffer.bytes {
                    return Err(format!("a start writes {} bytes into `{}`", span.bytes, buffer.name));
                }
            }
        }
        for dispatch in self.dispatches() {
            let kernel = self.kernels.get(dispatch.kernel);
            let kernel = kernel.ok_or_else(|| format!("`{}` runs kernel {}", dispatch.label, dispatch.kernel))?;
            if dispatch.every == 0 {
                return Err(format!("`{}` runs in no step", dispatch.label));
            }
            for binding in &kernel.bindings {
                let name = dispatch.buffers.get(&binding.name);
                known(name.ok_or_else(|| format!("`{}` binds nothing to `{}`", dispatch.label, binding.name))?)?;
            }
        }
        let record = known(&self.ring.buffer)?;
        if record.bytes < 4 * (self.ring.records * self.ring.numbers) as u64 || self.ring.records == 0 {
            return Err("the ring has no room for its records".to_owned());
        }
        self.check_evaluation(&inside)
    }

    fn check_evaluation(&self, inside: &dyn Fn(&Span, &str) -> Result<(), String>) -> Result<(), String> {
        let Some(evaluation) = &self.evaluation else { return Ok(()) };
        let buffer =
            self.buffer(&evaluation.buffer).ok_or_else(|| format!("there is no buffer `{}`", evaluation.buffer))?;
        let points = buffer.bytes as usize / (4 * evaluation.fields * evaluation.streams).max(1);
        let drawn = self.grid.iter().map(|grid| grid.points);
        if drawn.chain([evaluation.counted]).any(|[first, count]| first.saturating_add(count) > points) {
            return Err(format!("more points are looked at than the {points} that are evaluated"));
        }
        for values in self.reference.iter().flat_map(|reference| &reference.values) {
            inside(&values.data, &values.observable)?;
            if values.data.bytes != 4 * points as u64 {
                return Err(format!("the reference of `{}` is not of {points} points", values.observable));
            }
        }
        Ok(())
    }
}
