//! Predictions as files: the network's fields, their slopes and what follows from them, at points or on the grid.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::{Predictor, Setup, Step, Tile};
use acr_pinn_gpu::problems::{Problem, Solution};
use acr_pinn_gpu::report::fields::{Column, Fields, Format, Lattice};
use acr_pinn_gpu::training::files;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

/// A network on a device.
pub struct Network<'a> {
    pub gpu: &'a Gpu,
    pub setup: &'a Setup<'a>,
    pub step: &'a Step,
    pub tile: &'a Tile,
}

/// What it says at some points: flat [n, fields, streams].
struct Jets {
    numbers: Vec<f32>,
    fields: usize,
    /// 3 (value, ∂₀, ∂₁) in two axes, else 1.
    streams: usize,
}

impl Jets {
    fn of(network: &Network, points: &[f32]) -> Result<Jets> {
        let Network { gpu, setup, step, tile } = network;
        let slopes = setup.shape.inputs == 2;
        let predictor = Predictor::new(gpu, setup, &step.packing, tile, step.weights(), points, slopes)?;
        Ok(Jets { numbers: predictor.run(gpu)?, fields: predictor.outputs(), streams: predictor.streams() })
    }

    /// One stream of one field, for every point.
    fn column(&self, field: usize, stream: usize) -> Vec<f32> {
        let points = self.numbers.chunks_exact(self.fields * self.streams);
        points.map(|point| point[field * self.streams + stream]).collect()
    }

    /// Value and slopes of every field, and the observables that are no fields.
    fn columns(&self, problem: &dyn Problem) -> Vec<Column> {
        let (axes, fields) = (problem.axes(), problem.fields());
        let mut columns = Vec::new();
        for (f, name) in fields.iter().enumerate() {
            columns.push(Column::new(*name, self.column(f, 0)));
            for (axis, stream) in axes.iter().zip(1..self.streams) {
                columns.push(Column::new(format!("{name}_{}", axis.name), self.column(f, stream)));
            }
        }
        let known = |quantity: acr_pinn_gpu::problems::Quantity| self.streams == 3 || !quantity.needs_gradient();
        for observable in problem.observables().iter().filter(|o| !fields.contains(&o.name) && known(o.quantity)) {
            let jet = |j: &[f32]| std::array::from_fn(|s| j.get(s).copied().map_or(0.0, f64::from));
            let points = self.numbers.chunks_exact(self.fields * self.streams);
            let values = points.map(|point| {
                let jets: Vec<[f64; 3]> = point.chunks_exact(self.streams).map(jet).collect();
                observable.quantity.of(&jets) as f32
            });
            columns.push(Column::new(observable.name, values.collect()));
        }
        columns
    }
}

/// The coordinates of `points` (flat [n, axes]) as columns.
fn coordinates(problem: &dyn Problem, points: &[f32]) -> Vec<Column> {
    let axes = problem.axes();
    let column = |k: usize| points.iter().skip(k).step_by(axes.len()).copied().collect();
    axes.iter().enumerate().map(|(k, axis)| Column::new(axis.name, column(k))).collect()
}

/// Writes what the network says at `points`, flat [n, axes]. Returns what was written.
pub fn at_points(network: &Network, points: &[f32], out: &Path, format: Format) -> Result<Value> {
    let problem = network.setup.problem;
    let jets = Jets::of(network, points)?;
    let axes: Vec<_> = problem.axes().iter().map(|axis| axis.name).collect();
    let count = points.len() / axes.len();
    let columns = jets.columns(problem);
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let bytes = match format {
        // the first format there was, which scripts read
        Format::Safetensors => tensors(problem, &jets, count).map_err(|e| Error::output(out, e.to_string()))?,
        _ => {
            let fields = Fields { axes: coordinates(problem, points), columns, lattice: None };
            fields.bytes(format).map_err(|what| Error::output(out, what))?
        }
    };
    files::write(out, &bytes)?;
    Ok(json!({"points": count, "axes": axes, "fields": problem.fields(), "columns": jets.streams, "names": names,
        "out": name_of(out)}))
}

/// One tensor [n, streams] per field.
fn tensors(
    problem: &dyn Problem,
    jets: &Jets,
    count: usize,
) -> std::result::Result<Vec<u8>, safetensors::SafeTensorError> {
    let streams = jets.streams;
    let bytes = |field: usize| -> Vec<u8> {
        let points = jets.numbers.chunks_exact(streams * jets.fields);
        points.flat_map(|point| &point[streams * field..streams * (field + 1)]).flat_map(|x| x.to_le_bytes()).collect()
    };
    let all: Vec<Vec<u8>> = (0..jets.fields).map(bytes).collect();
    let views: std::result::Result<Vec<_>, safetensors::SafeTensorError> = (problem.fields().iter().zip(&all))
        .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::F32, vec![count, streams], bytes)?)))
        .collect();
    safetensors::serialize(views?, None)
}

/// Writes what the network says on the problem's grid, beside the known answer. Returns what was written.
pub fn on_grid(network: &Network, solution: Option<&Solution>, out: &Path, format: Format) -> Result<Value> {
    let problem = network.setup.problem;
    let (set, grid) = (problem.evaluation_set(), problem.grid());
    let axes = problem.axes().len();
    let points: Vec<f32> = set.points[set.drawn.start * axes..set.drawn.end * axes].iter().map(|&x| x as f32).collect();
    let mut columns = Jets::of(network, &points)?.columns(problem);
    let mut more = Vec::new();
    for (name, values) in solution.iter().flat_map(|solution| &solution.values) {
        let known: Vec<f32> = values[set.drawn.clone()].iter().map(|&x| x as f32).collect();
        if let Some(predicted) = columns.iter().find(|column| column.name == *name) {
            let error = predicted.values.iter().zip(&known).map(|(p, u)| p - u).collect();
            more.extend([Column::new(format!("{name}_reference"), known), Column::new(format!("{name}_error"), error)]);
        }
    }
    columns.extend(more);
    let ends = [0, 1].map(|k| [grid.axes[k].lower, grid.axes[k].upper]);
    let lattice = Some(Lattice { counts: [grid.nx(), grid.ny()], ends });
    let fields = Fields { axes: coordinates(problem, &points), columns, lattice };
    files::write(out, &fields.bytes(format).map_err(|what| Error::output(out, what))?)?;
    let names = |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    Ok(json!({"points": grid.len(), "grid": [grid.nx(), grid.ny()], "axes": names(&fields.axes),
        "names": names(&fields.columns), "out": name_of(out)}))
}

fn name_of(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}
