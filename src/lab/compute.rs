//! A kernel of the lab's own around a few shader texts: numbers in, numbers out.

use bytemuck::Pod;

use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Kernel, Part};

/// Runs the entry point `label` of `parts` with one thread per item and returns the `count` elements of its
/// variable `results`, which holds NaN before.
pub fn evaluate<T: Pod>(
    gpu: &Gpu,
    label: &str,
    parts: &[Part],
    inputs: &[(&str, &Buffer)],
    count: usize,
    threads: usize,
) -> Result<Vec<T>> {
    let kernel = Kernel::link(gpu, label, parts)?;
    let poison = vec![u32::MAX; (count * size_of::<T>()).div_ceil(4)];
    let results = gpu.storage_with("results", &poison)?;
    let mut buffers = inputs.to_vec();
    buffers.push(("results", &results));
    gpu.submit(&[kernel.bind(gpu, &buffers)?.threads(threads as u32)], 1);
    gpu.read(&results, count)
}
