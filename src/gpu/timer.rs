//! Device time of each dispatch by timestamp queries, where the adapter has them.

use std::ops::Range;
use std::time::Duration;

use super::kernel::Work;
use super::vectors::record_copy;
use super::{Buffer, Dispatch, Gpu};
use crate::error::Result;

impl Gpu {
    /// Runs `step` once, each dispatch in a pass of its own, and returns how long the device says each took.
    /// None where [`Gpu::timeline`] gives none.
    pub fn timestamps(&self, step: &[Dispatch]) -> Result<Option<Vec<Duration>>> {
        let spans = self.timeline(step)?;
        Ok(spans.map(|spans| spans.iter().map(|span| span.end - span.start).collect()))
    }

    /// Runs `step` once, each dispatch in a pass of its own, and returns from when to when the device says each
    /// ran, counted from the beginning of the first.
    ///
    /// None where the adapter has no timestamps, or where they are no use: some drivers return zeros or let
    /// an end lie before its beginning. Wall time ([`Gpu::time`]) is always there to compare with.
    pub fn timeline(&self, step: &[Dispatch]) -> Result<Option<Vec<Range<Duration>>>> {
        if !self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) || step.is_empty() {
            return Ok(None);
        }
        let count = 2 * step.len() as u32;
        let queries = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let resolved = self.allocate("timestamps", 8 * u64::from(count), wgpu::BufferUsages::QUERY_RESOLVE)?;
        let mut encoder = self.device.create_command_encoder(&Default::default());
        for (i, dispatch) in step.iter().enumerate() {
            let (begin, end) = (Some(2 * i as u32), Some(2 * i as u32 + 1));
            match &dispatch.work {
                Work::Kernel(launch) => launch.record(&mut timed_pass(&mut encoder, &queries, begin, end)),
                // a copy stands between passes: an empty one before and one behind it tell the time
                Work::Copy { buffer, texture } => {
                    drop(timed_pass(&mut encoder, &queries, begin, None));
                    record_copy(&mut encoder, buffer, texture);
                    drop(timed_pass(&mut encoder, &queries, None, end));
                }
            }
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved.raw, 0);
        self.queue.submit([encoder.finish()]);
        self.spans(&resolved, step.len())
    }

    fn spans(&self, resolved: &Buffer, passes: usize) -> Result<Option<Vec<Range<Duration>>>> {
        let ticks: Vec<u64> = self.read(resolved, 2 * passes)?;
        let period = f64::from(self.queue.get_timestamp_period());
        let first = ticks.first().copied().unwrap_or(0);
        let useful = ticks.chunks_exact(2).all(|pair| pair[0] != 0 && pair[0] >= first && pair[1] >= pair[0]);
        let at = |tick: u64| Duration::from_secs_f64((tick - first) as f64 * period * 1e-9);
        Ok(useful.then(|| ticks.chunks_exact(2).map(|pair| at(pair[0])..at(pair[1])).collect()))
    }
}

/// A pass that writes the time of its beginning, of its end, or both.
fn timed_pass<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    queries: &wgpu::QuerySet,
    begin: Option<u32>,
    end: Option<u32>,
) -> wgpu::ComputePass<'e> {
    let writes = wgpu::ComputePassTimestampWrites {
        query_set: queries,
        beginning_of_pass_write_index: begin,
        end_of_pass_write_index: end,
    };
    let descriptor = wgpu::ComputePassDescriptor { timestamp_writes: Some(writes), ..Default::default() };
    encoder.begin_compute_pass(&descriptor)
}
