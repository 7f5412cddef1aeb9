//! When every dispatch of a step ran, as a Chrome trace: a JSON file that Perfetto and `chrome://tracing` open.

use std::ops::Range;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Result;
use crate::gpu::{Dispatch, Gpu};

/// Whose clock a time was taken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Timestamps of the device.
    Device,
    /// The host's, each dispatch waited for: what a submit costs is in it.
    Wall,
}

impl Clock {
    /// "device" or "wall".
    pub const fn name(self) -> &'static str {
        match self {
            Clock::Device => "device",
            Clock::Wall => "wall",
        }
    }
}

/// One run through a step, dispatch by dispatch.
#[derive(Clone, Debug)]
pub struct Pass {
    pub clock: Clock,
    /// When the host began with it and when it had the result, counted from the beginning of the trace.
    pub host: Range<Duration>,
    /// From when to when each dispatch ran, counted from the first.
    pub spans: Vec<Range<Duration>>,
}

impl Pass {
    /// Runs `step` once, now being `at`.
    pub fn measure(gpu: &Gpu, step: &[Dispatch], at: Duration) -> Result<Pass> {
        let start = Instant::now();
        let (clock, spans) = match gpu.timeline(step)? {
            Some(spans) => (Clock::Device, spans),
            None => (Clock::Wall, by_wall(gpu, step)?),
        };
        Ok(Pass { clock, host: at..at + start.elapsed(), spans })
    }

    /// How long dispatch number `k` took.
    pub fn duration(&self, k: usize) -> Duration {
        self.spans[k].end - self.spans[k].start
    }
}

fn by_wall(gpu: &Gpu, step: &[Dispatch]) -> Result<Vec<Range<Duration>>> {
    let mut at = Duration::ZERO;
    step.iter()
        .map(|dispatch| {
            let start = at;
            at += gpu.time(std::slice::from_ref(dispatch), 1)?;
            Ok(start..at)
        })
        .collect()
}

/// Passes of every rung. Device and host have clocks of their own: the end of a pass's last dispatch is laid where the
/// host had its result.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    tracks: Vec<(String, Vec<String>, Vec<Pass>)>,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { start: Instant::now(), tracks: Vec::new() }
    }
}

impl Trace {
    /// Time since the trace began.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds the passes of one rung; `labels` name their dispatches.
    pub fn add(&mut self, name: &str, labels: Vec<String>, passes: Vec<Pass>) {
        self.tracks.push((name.to_owned(), labels, passes));
    }

    /// The document: one process per rung, with a thread for the host and one for the device.
    pub fn document(&self) -> Value {
        let mut events = Vec::new();
        for (process, (name, labels, passes)) in self.tracks.iter().enumerate() {
            let process = process + 1;
            events.push(named("process_name", process, 0, name));
            for (thread, name) in [(HOST, "host"), (DEVICE, "device")] {
                events.push(named("thread_name", process, thread, name));
            }
            for (number, pass) in passes.iter().enumerate() {
                let step = format!("step {number}");
                events.push(complete(&step, process, HOST, &pass.host, &json!({"clock": "host"})));
                let length = pass.spans.last().map_or(Duration::ZERO, |last| last.end);
                let offset = pass.host.end.saturating_sub(length);
                for (label, span) in labels.iter().zip(&pass.spans) {
                    let span = offset + span.start..offset + span.end;
                    events.push(complete(label, process, DEVICE, &span, &json!({"clock": pass.clock.name()})));
                }
            }
        }
        json!({"traceEvents": events, "displayTimeUnit": "ns"})
    }
}

const HOST: usize = 1;
const DEVICE: usize = 2;

fn named(what: &str, process: usize, thread: usize, name: &str) -> Value {
    json!({"name": what, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}})
}

fn complete(name: &str, process: usize, thread: usize, span: &Range<Duration>, arguments: &Value) -> Value {
    let us = |t: Duration| t.as_secs_f64() * 1e6;
    json!({"name": name, "ph": "X", "pid": process, "tid": thread, "ts": us(span.start),
        "dur": us(span.end - span.start), "args": arguments})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispatches_end_where_the_host_has_their_result() {
        let ms = Duration::from_millis;
        let spans = vec![ms(0)..ms(2), ms(3)..ms(4)];
        let mut trace = Trace::default();
        let labels = vec!["fused".to_owned(), "reduce".to_owned()];
        trace.add("a rung", labels, vec![Pass { clock: Clock::Device, host: ms(10)..ms(20), spans }]);
        let document = trace.document();
        let events = document["traceEvents"].as_array().unwrap();
        let of = |name: &str| events.iter().find(|e| e["name"] == name).unwrap();
        assert_eq!((of("step 0")["ts"].as_f64(), of("step 0")["dur"].as_f64()), (Some(1e4), Some(1e4)));
        assert_eq!((of("reduce")["ts"].as_f64(), of("reduce")["dur"].as_f64()), (Some(19_000.0), Some(1000.0)));
        assert_eq!(
            (of("fused")["ts"].as_f64(), of("fused")["args"]["clock"].as_str()),
            (Some(16_000.0), Some("device"))
        );
        assert!(events.iter().all(|e| e["pid"].is_u64() && (e["ph"] == "M" || e["ph"] == "X")));
        assert_eq!(events.iter().filter(|e| e["ph"] == "M").count(), 3);
    }
}
