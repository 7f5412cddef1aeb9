//! `bench --serve`: one step, built once and timed whenever a line comes in, so that another program can let it take
//! turns with its own (benches/peers/compare.py). Lines out are JSON: what was built, then one per sample.

use std::io::BufRead;

use acr_pinn_gpu::error::Error;
use acr_pinn_gpu::gpu::{Choice, Gpu};
use acr_pinn_gpu::kernels::Tile;
use acr_pinn_gpu::lab::bench::{Course, describe};
use acr_pinn_gpu::lab::ladder::{self, Wanted};
use acr_pinn_gpu::lab::proof::Proof;
use acr_pinn_gpu::training::Config;
use serde_json::json;

use super::output;

/// Serves the last rung that is wanted, or the first plan as it comes; 1 if it is wrong.
pub fn run(choice: &Choice, gpu: &Gpu, config: &Config, tile: Tile, wanted: &Wanted) -> anyhow::Result<u8> {
    let setup = config.setup();
    let wanted = Wanted { plain: wanted.with.is_empty(), ..wanted.clone() };
    let open = |checked: bool| Gpu::open(&Choice { checked, ..choice.clone() });
    let rungs = ladder::rungs(&wanted, [tile; 2], choice.checked, gpu, &setup)?;
    let at = if wanted.plain { 0 } else { rungs.len() - 1 };
    let rung = &rungs[at];
    let mut row = describe(&setup, rung);
    let Some(mut course) = Course::prepare(&open, &setup, rung, &Proof::new(&setup, rung.plan)?, &mut row)? else {
        return Err(Error::Usage(format!("{} is INVALID: {}", rung.name(), row.reason)).into());
    };
    let device = format!("{} · {}", gpu.record().name, gpu.record().backend);
    let name = rung.name();
    line(&json!({"name": name, "device": device, "compile_s": row.compile_s, "error": row.worst_error, "row": row}));
    for request in std::io::stdin().lock().lines() {
        request.map_err(|e| Error::Usage(format!("standard input: {e}")))?;
        line(&json!({"us": course.time()?.as_secs_f64() * 1e6}));
    }
    Ok(0)
}

fn line(value: &serde_json::Value) {
    output::print(&format!("{value}\n"));
}
