//! What this adapter can do at best, measured: multiply–adds in registers and traffic with a large array. Two
//! kernels of the lab's own, each run for a fraction of a second; a kernel whose numbers are wrong gives no ceiling.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::gpu::{Buffer, Dispatch, Gpu, IMAGE_ROW_BITS, Kernel, Part, Resource};
use crate::kernels::prelude::{Prelude, shader};

/// What was measured; a ceiling is absent where the kernel's result was wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Billions of floating-point operations in a second; a multiply–add counts two.
    pub gflops: Option<f64>,
    /// Billions of bytes read and written in a second.
    pub gbs: Option<f64>,
    /// How long the measurement took, compiling included.
    pub seconds: f64,
    /// Why a ceiling is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// How long each kernel is repeated.
const BUDGET: Duration = Duration::from_millis(300);
/// How long one dispatch should take: the cost of a submit vanishes in it, and no watchdog minds.
const AIM: Duration = Duration::from_millis(15);
/// Repetitions at least; the best counts.
const LEAST: usize = 3;

/// Trips of the loop of `multiply_add`: far below what any driver ends silently.
const TRIPS: u32 = 1024;
/// Multiply–adds of one trip of one thread: see the shader.
const PER_TRIP: u32 = 12 * 8;
const THREADS: u32 = 64;
/// Four million threads write 16 MiB of results.
const MOST_WORKGROUPS: u32 = 65_535;

/// Bytes of the array that is streamed: more than any cache holds, where there is room.
const STREAM_BYTES: u64 = 256 << 20;
/// There it is the loads and not the memory that take the time.
const STREAM_BYTES_IN_SOFTWARE: u64 = 16 << 20;

/// Measures both ceilings, in about a second.
///
/// # Errors
/// Only what makes the adapter useless for everything else, too.
pub fn measure(gpu: &Gpu) -> Result<Ceilings> {
    let start = Instant::now();
    let mut ceilings = Ceilings::default();
    match arithmetic(gpu)? {
        Ok(rate) => ceilings.gflops = Some(rate),
        Err(remark) => ceilings.remarks.push(remark),
    }
    match bandwidth(gpu)? {
        Ok(rate) => ceilings.gbs = Some(rate),
        Err(remark) => ceilings.remarks.push(remark),
    }
    ceilings.seconds = start.elapsed().as_secs_f64();
    Ok(ceilings)
}

/// A rate in billions, or why there is none.
type Measured = std::result::Result<f64, String>;

/// A kernel that does the same work whenever it is asked: the guard against a machine that changes its speed.
pub struct Fixed {
    dispatch: Dispatch,
    results: Buffer,
    workgroups: u32,
}

impl Fixed {
    /// Multiply–adds that take this adapter about as long as one dispatch of the probe.
    pub fn new(gpu: &Gpu) -> Result<Fixed> {
        let mut prelude = Prelude::default();
        prelude.u32("TRIPS", TRIPS as usize);
        let text = include_str!("../../shaders/probes/multiply_add.wgsl");
        let parts = [prelude.part(), Part::new("shaders/probes/multiply_add.wgsl", text)];
        let kernel = Kernel::link(gpu, "multiply_add", &parts)?;
        let factors = gpu.storage_with("factors", &[1.0f32, 1.0])?;
        let build = |workgroups: u32| -> Result<Fixed> {
            let poison = vec![f32::NAN; (workgroups * THREADS) as usize];
            let results = gpu.storage_with("results", &poison)?;
            let bound = kernel.bind(gpu, &[("factors", &factors), ("results", &results)])?;
            Ok(Fixed { dispatch: bound.workgroups(workgroups), results, workgroups })
        };
        let mut fixed = build(8)?;
        loop {
            // the first run of a size may pay for what the driver puts off
            fixed.time(gpu)?;
            let time = fixed.time(gpu)?;
            if 2 * time >= AIM || fixed.workgroups == MOST_WORKGROUPS {
                return Ok(fixed);
            }
            let growth = (AIM.as_secs_f64() / time.as_secs_f64().max(1e-6)).clamp(2.0, 64.0);
            fixed = build(((f64::from(fixed.workgroups) * growth) as u32).min(MOST_WORKGROUPS))?;
        }
    }

    /// How long it takes now.
    pub fn time(&self, gpu: &Gpu) -> Result<Duration> {
        gpu.time(std::slice::from_ref(&self.dispatch), 1)
    }

    /// Floating-point operations of one run.
    fn flop(&self) -> f64 {
        2.0 * f64::from(PER_TRIP) * f64::from(TRIPS) * f64::from(THREADS) * f64::from(self.workgroups)
    }

    /// What is wrong with the numbers it left, if anything.
    fn fault(&self, gpu: &Gpu) -> Result<Option<String>> {
        let results: Vec<f32> = gpu.read(&self.results, (self.workgroups * THREADS) as usize)?;
        // twelve chains that begin at local + 0…11; every number on the way is a small integer, exact in f32
        let wanted = |thread: usize| (12 * (thread as u32 % THREADS) + 66 + PER_TRIP * TRIPS) as f32;
        let wrong = results.iter().enumerate().filter(|(thread, got)| **got != wanted(*thread)).count();
        Ok((wrong > 0)
            .then(|| format!("no ceiling of arithmetic: {wrong} of {} results of the probe are wrong", results.len())))
    }
}

/// The best time of `run`, repeated within the budget.
fn best(mut run: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let start = Instant::now();
    let mut best = run()?;
    let mut runs = 1;
    while runs < LEAST || start.elapsed() < BUDGET {
        best = best.min(run()?);
        runs += 1;
    }
    Ok(best)
}

fn arithmetic(gpu: &Gpu) -> Result<Measured> {
    let fixed = Fixed::new(gpu)?;
    let time = best(|| fixed.time(gpu))?;
    Ok(match fixed.fault(gpu)? {
        None => Ok(fixed.flop() / time.as_secs_f64() / 1e9),
        Some(fault) => Err(fault),
    })
}

/// The faster of the ways in which kernels keep large arrays: buffers, and images where the adapter can write them.
fn bandwidth(gpu: &Gpu) -> Result<Measured> {
    let mut measured = stream(gpu, false)?;
    if gpu.has_images() {
        let other = stream(gpu, true)?;
        measured = measured.and_then(|rate| Ok(rate.max(other?)));
    }
    Ok(measured)
}

fn stream(gpu: &Gpu, images: bool) -> Result<Measured> {
    let wanted = if gpu.is_software() { STREAM_BYTES_IN_SOFTWARE } else { STREAM_BYTES };
    let room = if images { gpu.max_image() } else { gpu.max_binding() };
    let vectors = (wanted.min(room) / 16) as u32;
    let mut prelude = Prelude::default();
    prelude.u32("VECTORS", vectors as usize).u32("IMAGE_ROW_BITS", IMAGE_ROW_BITS as usize);
    let memory = shader(if images { "memory/images" } else { "memory/buffers" });
    let link = |label: &str, text: &'static str| {
        let kernel = Part::new(format!("shaders/probes/{label}.wgsl"), text);
        Kernel::link(gpu, label, &[prelude.part(), shader("math"), shader("jets/value"), memory.clone(), kernel])
    };
    let slabs = gpu.vectors("slabs", vectors.into(), images)?;
    let pass = link("stream", include_str!("../../shaders/probes/stream.wgsl"))?;
    let pass = pass.bind(gpu, &[("slabs", &slabs)])?.threads(vectors);
    let mut passes = 0;
    let time = best(|| {
        passes += 1;
        gpu.time(std::slice::from_ref(&pass), 1)
    })?;
    let check = link("stream_check", include_str!("../../shaders/probes/stream_check.wgsl"))?;
    let count = gpu.storage_with("passes", &[passes as f32])?;
    let workgroups = vectors.div_ceil(THREADS) as usize;
    let wrong = gpu.storage_with("wrong", &vec![u32::MAX; workgroups])?;
    let buffers: [(&str, &dyn Resource); 3] = [("slabs", &slabs), ("passes", &count), ("wrong", &wrong)];
    gpu.submit(&[check.bind(gpu, &buffers)?.threads(vectors)], 1);
    let wrong = gpu.read::<u32>(&wrong, workgroups)?.into_iter().map(u64::from).sum::<u64>();
    Ok(match wrong {
        0 => Ok(32.0 * f64::from(vectors) / time.as_secs_f64() / 1e9),
        _ => Err(format!("no ceiling of bandwidth: {wrong} of {vectors} vectors of the probe are wrong")),
    })
}
