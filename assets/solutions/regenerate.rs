//! Regenerates the reference solutions beside this file (two minutes), or writes every reference as text.
//!
//!     cargo run --release --example regenerate
//!     cargo run --release --example regenerate -- --csv DIR

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use acr_pinn_gpu::problems::reference;
use anyhow::{Context, Result};
use clap::Parser;
use safetensors::tensor::{Dtype, TensorView};

mod cavity;
mod problem_files;
mod schrodinger;

/// Regenerates the reference solutions that the crate embeds.
#[derive(Parser)]
struct Arguments {
    /// Write the embedded references as text to this folder instead
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
}

fn main() -> Result<()> {
    match Arguments::parse().csv {
        Some(folder) => write_text(&folder),
        None => {
            let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
            for (name, text) in problem_files::all() {
                write(&assets.join("problems").join(name), text.as_bytes())?;
            }
            let folder = assets.join("solutions");
            write_schrodinger(&folder.join("schrodinger.safetensors"))?;
            write_cavity(&folder.join("cavity_re100.safetensors"))
        }
    }
}

/// The left half of the even field, f64 [129, 201]: f32 would be coarser than the solution.
fn write_schrodinger(path: &Path) -> Result<()> {
    let levels = schrodinger::solve(256, 200, 100);
    let half = |part: fn(&schrodinger::Field) -> &Vec<f64>| -> Vec<u8> {
        (0..=128).flat_map(|i| levels.iter().flat_map(move |h| part(h)[i].to_le_bytes())).collect()
    };
    let about = "i h_t + 1/2 h_xx + |h|^2 h = 0, h = u + iv, h(x, 0) = 2 sech x, period 10: Fourier split-step, 256 modes, \
                 20000 time steps; row i: x = -5 + 10 i/256 up to x = 0 (h is even), column j: t = pi/2 j/200";
    write_tensors(path, about, Dtype::F64, &[129, 201], [half(|h| &h.u), half(|h| &h.v)])
}

/// f32 [100, 100], finer than what the grids leave of the error.
fn write_cavity(path: &Path) -> Result<()> {
    let flow = cavity::extrapolated(99, [2, 3]);
    let about = "steady lid-driven cavity, Re = 100, velocity (u, v): stream function and vorticity, central differences, \
                 Newton, grids of 199 and 298 nodes, Richardson extrapolation; row i: x = i/99, column j: y = j/99";
    let bytes = flow.map(|values| values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect());
    write_tensors(path, about, Dtype::F32, &[100, 100], bytes)
}

/// A file with the tensors u and v. One entry of metadata, since the format keeps no order of several.
fn write_tensors(path: &Path, about: &str, dtype: Dtype, shape: &[usize], [u, v]: [Vec<u8>; 2]) -> Result<()> {
    let tensors = [("u", &u), ("v", &v)].map(|(name, bytes)| (name, TensorView::new(dtype, shape.to_vec(), bytes)));
    let tensors = tensors.into_iter().map(|(name, view)| Ok((name, view?))).collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([("about".to_owned(), about.to_owned())]);
    write(path, &safetensors::serialize(tensors, Some(metadata))?)
}

/// One file per field: a line per node of axis 0, a number per node of axis 1, no digit lost.
fn write_text(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let [real, imaginary] = reference::schrodinger::solution();
    let cavity = reference::cavity::converged();
    let [u, v] = ["u", "v"].map(|name| cavity.of(name).expect("the cavity has u and v").to_vec());
    let columns = reference::cavity::NODES;
    for (name, values, columns) in [
        ("burgers_u", reference::burgers::solution(), reference::burgers::grid().ny()),
        ("schrodinger_u", real, reference::schrodinger::grid().ny()),
        ("schrodinger_v", imaginary, reference::schrodinger::grid().ny()),
        ("cavity_u", u, columns),
        ("cavity_v", v, columns),
    ] {
        let line = |row: &[f64]| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n";
        write(&folder.join(format!("{name}.csv")), values.chunks(columns).map(line).collect::<String>().as_bytes())?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}: {} bytes", path.display(), bytes.len());
    Ok(())
}
