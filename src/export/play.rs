//! An exported step, played from its files alone on this program's own `gpu`: that nothing is missing in them.

use std::collections::BTreeMap;
use std::slice::from_ref;

use super::folder::Folder;
use super::schema::{DispatchEntry, WriteEntry};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Dispatch, Gpu, Kernel, Part};
use crate::training::StepRecord;

/// A step on a device, made of an exported folder.
pub struct Player {
    folder: Folder,
    gpu: Gpu,
    buffers: BTreeMap<String, Buffer>,
    kernels: Vec<Kernel>,
    step: Vec<Dispatch>,
    done: u64,
}

/// Steps in one submit: fewer than any ring has records.
const AT_ONCE: u64 = 16;

impl Player {
    /// Makes buffers, kernels and dispatches.
    ///
    /// # Errors
    /// Memory that the device does not have, kernels that do not compile.
    pub fn open(gpu: &Gpu, folder: Folder) -> Result<Player> {
        let mut buffers = BTreeMap::new();
        for entry in &folder.document.buffers {
            let contents = entry.data.as_ref().map_or(&[][..], |span| folder.bytes(span));
            let buffer = match entry.kind.as_str() {
                "storage" => gpu.storage(&entry.name, entry.bytes)?,
                "uniform" => gpu.uniform(&entry.name, &vec![0; entry.bytes as usize])?,
                other => return Err(Error::Usage(format!("buffer `{}` is of the kind `{other}`", entry.name))),
            };
            gpu.write(&buffer, contents);
            buffers.insert(entry.name.clone(), buffer);
        }
        let link = |(kernel, text): (&super::schema::KernelEntry, &String)| {
            Kernel::link(gpu, &kernel.entry_point, &[Part::new(&kernel.file, text.clone())])
        };
        let kernels = folder.document.kernels.iter().zip(&folder.texts).map(link).collect::<Result<_>>()?;
        let mut player = Player { folder, gpu: gpu.clone(), buffers, kernels, step: Vec::new(), done: 0 };
        player.step = player.bind_all(&player.folder.document.step)?;
        Ok(player)
    }

    fn bind(&self, entry: &DispatchEntry) -> Result<Dispatch> {
        let buffers: Vec<(&str, &Buffer)> =
            entry.buffers.iter().map(|(variable, name)| (variable.as_str(), &self.buffers[name])).collect();
        let count = entry.workgroups.iter().product();
        Ok(self.kernels[entry.kernel].bind(&self.gpu, &buffers)?.workgroups(count))
    }

    fn bind_all(&self, entries: &[DispatchEntry]) -> Result<Vec<Dispatch>> {
        entries.iter().map(|entry| self.bind(entry)).collect()
    }

    fn write(&self, writes: &[WriteEntry]) {
        for write in writes {
            let buffer = &self.buffers[&write.buffer];
            match &write.data {
                Some(span) => self.gpu.write(buffer, self.folder.bytes(span)),
                None => self.gpu.write(buffer, &vec![0_u8; buffer.size() as usize]),
            }
        }
    }

    /// Begins the run of `seed`.
    ///
    /// # Errors
    /// A seed that the folder has no start for.
    pub fn start(&mut self, seed: u64) -> Result<()> {
        let starts = &self.folder.document.starts;
        let start = starts.iter().find(|start| start.seed == seed);
        let start = start.ok_or_else(|| Error::Usage(format!("the folder has no start for seed {seed}")))?;
        self.write(&start.writes);
        self.gpu.submit(&self.bind_all(&self.folder.document.setup)?, 1);
        self.done = 0;
        self.gpu.wait()
    }

    /// Takes `steps` steps and returns their records.
    ///
    /// # Errors
    /// A device that does not answer.
    pub fn advance(&mut self, steps: u64) -> Result<Vec<StepRecord>> {
        let mut records = Vec::new();
        while (records.len() as u64) < steps {
            let count = AT_ONCE.min(steps - records.len() as u64);
            // with what may be left out: a run leaves it out, and must come to the same bits
            self.gpu.submit(&self.step, count as u32);
            for step in self.done..self.done + count {
                records.push(self.record(step)?);
            }
            self.done += count;
        }
        Ok(records)
    }

    fn record(&self, step: u64) -> Result<StepRecord> {
        let ring = &self.folder.document.ring;
        let numbers: Vec<f32> = self.gpu.read(&self.buffers[&ring.buffer], ring.records * ring.numbers)?;
        let at = (step as usize % ring.records) * ring.numbers;
        Ok(StepRecord::parse(step, self.folder.document.about.terms.len(), &numbers[at..at + ring.numbers]))
    }

    /// Runs the step at given points, and returns its record.
    ///
    /// # Errors
    /// A folder without one, a device that does not answer.
    pub fn prove(&self) -> Result<StepRecord> {
        let proof = self.folder.document.proof.as_ref();
        let proof = proof.ok_or_else(|| Error::Usage("the folder has no proof".to_owned()))?;
        self.write(&proof.writes);
        self.gpu.submit(&self.bind_all(&proof.dispatches)?, 1);
        self.record(0)
    }

    /// The fields at the points of the evaluation, `[point][field][stream]`.
    ///
    /// # Errors
    /// A folder without an evaluation, a device that does not answer.
    pub fn evaluate(&self) -> Result<Vec<f32>> {
        let evaluation = self.folder.document.evaluation.as_ref();
        let evaluation = evaluation.ok_or_else(|| Error::Usage("the folder has no evaluation".to_owned()))?;
        for batch in &self.folder.document.evaluate {
            self.gpu.submit(from_ref(&self.bind(batch)?), 1);
        }
        let bytes = self.folder.document.buffer(&evaluation.buffer).map_or(0, |buffer| buffer.bytes);
        self.gpu.read(&self.buffers[&evaluation.buffer], bytes as usize / 4)
    }

    /// The numbers in a buffer.
    ///
    /// # Errors
    /// There is no such buffer, or the device does not answer.
    pub fn read(&self, name: &str) -> Result<Vec<f32>> {
        let entry = self.folder.document.buffer(name);
        let entry = entry.ok_or_else(|| Error::Usage(format!("there is no buffer `{name}`")))?;
        self.gpu.read(&self.buffers[name], entry.bytes as usize / 4)
    }

    /// The document that is played.
    pub fn document(&self) -> &super::Document {
        &self.folder.document
    }
}
