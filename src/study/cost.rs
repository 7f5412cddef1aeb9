//! What a step costs: time, memory and parameters of every condition over widths, depths and numbers of points,
//! beside a plain network with as many parameters as lda. Time is measured after a warm-up, step by step, each
//! waited for; nothing is evaluated in between. A cost model says how time grows with each size.

use serde_json::{Value, json};

use crate::error::Result;
use crate::report::{Curves, Marker, Series};
use crate::training::tuning::words;

use super::compare::losses_note;
use super::table::{Table, cell, plus_minus};
use super::{
    Analysis, Entry, Picture, Request, Resolve, Run, Study, Task, Variation, conditions_of, distinct, problems_of,
};
use crate::math::statistics::{Fit, deviation, least_squares, mean};

/// See the module.
pub struct Cost;

impl Study for Cost {
    fn name(&self) -> &'static str {
        "cost"
    }

    fn summary(&self) -> &'static str {
        "time, memory and parameters of a step over widths, depths and points, with a fitted cost model"
    }

    fn defaults(&self) -> Request {
        Request {
            problems: Request::problems_among(&["helmholtz-1-4", "cavity", "poisson-5d", "schrodinger"]),
            conditions: ["std", "gcr", "matched", "lda", "acr"].map(str::to_owned).into(),
            seeds: (super::matrix::FIRST_SEED..super::matrix::FIRST_SEED + 3).collect(),
            widths: vec![20, 50, 100],
            depths: vec![2, 4, 6],
            sizes: vec![1_000, 10_000, 100_000],
            ..Request::standard()
        }
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        let task = Task::Measure { warmup: request.warmup, timed: request.timed };
        let mut entries = Vec::new();
        for base in request.each_condition() {
            for (&width, &depth) in request.widths.iter().flat_map(|w| request.depths.iter().map(move |d| (w, d))) {
                for &points in &request.sizes {
                    let (width, depth, points) = (Some(width), Some(depth), Some(points));
                    let variation = Variation { width, depth, points, ..base.clone() };
                    entries.extend(request.each_seed(&variation, task, resolve)?);
                }
            }
        }
        Ok(entries)
    }

    fn analyse(&self, request: &Request, runs: &[Run]) -> Analysis {
        let sizes = sizes(runs);
        let models: Vec<Model> = problems_of(runs)
            .iter()
            .flat_map(|problem| conditions_of(runs).into_iter().map(move |condition| (*problem, condition)))
            .filter_map(|(problem, condition)| Model::fit(problem, condition, &sizes))
            .collect();
        let protocol = format!(
            "Protocol: {} steps of warm-up, then {} steps timed one by one, each waited for; per size the medians of {} \
             repetitions, mean ± standard deviation (ddof 1). Points are drawn within the step. Matched: mlp + sum with the \
             width that gives as many parameters as lda of the width that is shown.",
            request.warmup,
            request.timed,
            request.seeds.len()
        );
        let mut tables: Vec<Table> = problems_of(runs).iter().map(|problem| cost_table(problem, &sizes)).collect();
        tables.extend(model_table(&models));
        Analysis {
            notes: losses_note(runs).into_iter().chain([protocol]).chain(tiles(runs)).collect(),
            tables,
            figures: problems_of(runs).iter().flat_map(|problem| figures(problem, &sizes)).collect(),
            document: json!({"sizes": sizes, "models": models}),
        }
    }
}

/// Which tiles were timed.
fn tiles(runs: &[Run]) -> Option<String> {
    let known = runs.iter().filter_map(|run| run.outcome.tile);
    let list: Vec<String> = distinct(known).iter().map(words).collect();
    (!list.is_empty()).then(|| format!("Tiles (`tile` of each run in summary.json): {}.", list.join(" · ")))
}

/// One problem, condition and size, averaged over its repetitions.
#[derive(Clone, Debug, serde::Serialize)]
struct Size {
    problem: String,
    condition: String,
    width: usize,
    depth: usize,
    points: usize,
    /// The width the kernels have: another only for `matched`.
    real_width: usize,
    parameters: usize,
    /// Mean and deviation over repetitions of the median time of a step.
    step_ms: f64,
    deviation_ms: f64,
    /// Bytes of device memory that the step holds.
    bytes: f64,
}

/// A number of a [`Size`] that times are seen to grow with.
type Pick = fn(&Size) -> usize;
const SIZES: [(&str, Pick); 3] = [("width", |s| s.width), ("depth", |s| s.depth), ("points", |s| s.points)];

fn sizes(runs: &[Run]) -> Vec<Size> {
    let done: Vec<&Run> = runs.iter().filter(|run| run.outcome.measured.contains_key("median_ms")).collect();
    let stems = distinct(done.iter().map(|run| run.entry.variation.stem()));
    stems
        .into_iter()
        .map(|stem| {
            let same: Vec<&Run> = done.iter().filter(|run| run.entry.variation.stem() == stem).copied().collect();
            let times: Vec<f64> = same.iter().map(|run| run.outcome.measured["median_ms"]).collect();
            let (entry, outcome) = (&same[0].entry, &same[0].outcome);
            let v = &entry.variation;
            Size {
                problem: v.problem.clone(),
                condition: v.label.clone(),
                width: v.width.unwrap_or(entry.config.shape.width),
                depth: v.depth.unwrap_or(entry.config.shape.depth),
                points: v.points.unwrap_or(entry.config.preset.points[0]),
                real_width: entry.config.shape.width,
                parameters: entry.parameters(),
                step_ms: mean(&times),
                deviation_ms: deviation(&times, 1),
                bytes: outcome.measured.get("bytes").copied().unwrap_or(f64::NAN),
            }
        })
        .collect()
}

fn cost_table(problem: &str, sizes: &[Size]) -> Table {
    let mut table = Table::new(
        format!("Cost of a step: {problem}"),
        &["condition", "width", "depth", "points", "parameters", "step, ms", "÷ std", "memory, MiB"],
        "÷ std: time divided by that of std at the same width, depth and points. Width: in brackets that of the kernels where it differs. Memory: all device buffers of the step.",
    );
    for size in sizes.iter().filter(|size| size.problem == problem) {
        let same = |s: &&Size| {
            s.problem == problem
                && s.condition == "std"
                && [s.width, s.depth, s.points] == [size.width, size.depth, size.points]
        };
        let ratio = sizes.iter().find(same).map_or(f64::NAN, |std| size.step_ms / std.step_ms);
        let width = match size.real_width == size.width {
            true => size.width.to_string(),
            false => format!("{} ({})", size.width, size.real_width),
        };
        table.rows.push(vec![
            size.condition.clone(),
            width,
            size.depth.to_string(),
            size.points.to_string(),
            size.parameters.to_string(),
            plus_minus(size.step_ms, size.deviation_ms),
            cell(ratio),
            cell(size.bytes / f64::from(1 << 20)),
        ]);
    }
    table
}

/// How the time of a step grows.
#[derive(Clone, Debug, serde::Serialize)]
struct Model {
    problem: String,
    condition: String,
    sizes: usize,
    /// log t = c + Σ e · log size, by the names of those sizes that vary.
    exponents: Vec<(&'static str, f64)>,
    /// Share of the variance of log t explained.
    power_r_squared: f64,
    /// t = fixed + slope · points · parameters, in milliseconds and nanoseconds, weighted so that relative errors count.
    linear: Option<Linear>,
}

#[derive(Clone, Debug, serde::Serialize)]
struct Linear {
    fixed_ms: f64,
    slope_ns: f64,
    r_squared: f64,
}

impl Model {
    fn fit(problem: &str, condition: &str, sizes: &[Size]) -> Option<Model> {
        let rows: Vec<&Size> = sizes.iter().filter(|s| s.problem == problem && s.condition == condition).collect();
        let varying: Vec<_> =
            SIZES.iter().filter(|(_, pick)| distinct(rows.iter().map(|s| pick(s))).len() > 1).collect();
        if varying.is_empty() || rows.len() < varying.len() + 2 {
            return None;
        }
        let log = |value: usize| (value as f64).ln();
        let design: Vec<Vec<f64>> = rows
            .iter()
            .map(|s| [1.0].into_iter().chain(varying.iter().map(|(_, pick)| log(pick(s)))).collect())
            .collect();
        let times: Vec<f64> = rows.iter().map(|s| s.step_ms.ln()).collect();
        let Fit { coefficients, r_squared } = least_squares(&design, &times)?;
        Some(Model {
            problem: problem.to_owned(),
            condition: condition.to_owned(),
            sizes: rows.len(),
            exponents: varying.iter().zip(&coefficients[1..]).map(|((name, _), e)| (*name, *e)).collect(),
            power_r_squared: r_squared,
            linear: Model::linear(&rows),
        })
    }

    /// Weights 1/t make every size count alike although times differ by orders of magnitude.
    fn linear(rows: &[&Size]) -> Option<Linear> {
        let work = |s: &Size| s.points as f64 * s.parameters as f64;
        let design: Vec<Vec<f64>> = rows.iter().map(|s| vec![1.0 / s.step_ms, work(s) / s.step_ms]).collect();
        let fit = least_squares(&design, &vec![1.0; rows.len()])?;
        let times: Vec<f64> = rows.iter().map(|s| s.step_ms).collect();
        let fitted = |s: &Size| fit.coefficients[0] + fit.coefficients[1] * work(s);
        let left: f64 = rows.iter().map(|s| (s.step_ms - fitted(s)).powi(2)).sum();
        let all: f64 = times.iter().map(|t| (t - mean(&times)).powi(2)).sum();
        Some(Linear { fixed_ms: fit.coefficients[0], slope_ns: 1e6 * fit.coefficients[1], r_squared: 1.0 - left / all })
    }
}

fn model_table(models: &[Model]) -> Option<Table> {
    let mut table = Table::new(
        "Cost model",
        &[
            "problem",
            "condition",
            "sizes",
            "width^",
            "depth^",
            "points^",
            "R² (log)",
            "fixed, ms",
            "ns per point and parameter",
            "R²",
        ],
        "Left: exponents of a power law fitted to the logarithm of the time. Right: time = fixed + slope · points · parameters, \
         fitted with relative weights. A dash: that size was not varied.",
    );
    for model in models {
        let exponent = |name: &str| {
            model.exponents.iter().find(|(known, _)| *known == name).map_or("–".into(), |(_, e)| format!("{e:.2}"))
        };
        let linear = |pick: fn(&Linear) -> f64| cell(model.linear.as_ref().map_or(f64::NAN, pick));
        table.rows.push(vec![
            model.problem.clone(),
            model.condition.clone(),
            model.sizes.to_string(),
            exponent("width"),
            exponent("depth"),
            exponent("points"),
            format!("{:.3}", model.power_r_squared),
            linear(|l| l.fixed_ms),
            linear(|l| l.slope_ns),
            linear(|l| l.r_squared),
        ]);
    }
    (!models.is_empty()).then_some(table)
}

/// Time over each size that varies, the others in the middle of their list.
fn figures(problem: &str, sizes: &[Size]) -> Vec<Picture> {
    let here: Vec<&Size> = sizes.iter().filter(|s| s.problem == problem).collect();
    let values = |pick: Pick| {
        let mut values = distinct(here.iter().map(|s| pick(s)));
        values.sort_unstable();
        values
    };
    let middle = SIZES.map(|(_, pick)| {
        let values = values(pick);
        values.get(values.len() / 2).copied().unwrap_or(0)
    });
    let mut pictures = Vec::new();
    for (k, (name, pick)) in SIZES.iter().enumerate() {
        if values(*pick).len() < 2 {
            continue;
        }
        let held = |s: &Size| (0..3).all(|j| j == k || SIZES[j].1(s) == middle[j]);
        let fixed: Vec<String> = (0..3).filter(|&j| j != k).map(|j| format!("{} {}", SIZES[j].0, middle[j])).collect();
        let mut curves = Curves::new()
            .title(format!("{problem}: time of a step ({})", fixed.join(", ")))
            .axes(*name, "milliseconds")
            .log_x()
            .log_y();
        for condition in distinct(here.iter().map(|s| s.condition.as_str())) {
            let mut points: Vec<(f64, f64)> = here
                .iter()
                .filter(|s| s.condition == condition && held(s))
                .map(|s| (pick(s) as f64, s.step_ms))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            curves = curves.series(Series::line(condition, &x, &y).marked(Marker::Circle));
        }
        let caption = format!("{problem}: time of a step over {name}, both axes logarithmic; {}.", fixed.join(", "));
        pictures.push(Picture { file: format!("{problem}-{name}.png"), caption, figure: curves.draw() });
    }
    pictures
}

/// What a measurement leaves in `run.json`, key `measured`.
pub fn measured(times_ms: &[f64], bytes: u64) -> Value {
    use crate::math::statistics::{median, quantile};
    json!({"mean_ms": mean(times_ms), "median_ms": median(times_ms), "std_ms": deviation(times_ms, 1),
        "q05_ms": quantile(times_ms, 0.05), "q95_ms": quantile(times_ms, 0.95), "steps": times_ms.len(),
        "bytes": bytes})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: usize, depth: usize, points: usize, step_ms: f64) -> Size {
        Size {
            problem: "cavity".into(),
            condition: "acr".into(),
            width,
            depth,
            points,
            real_width: width,
            parameters: width * width * depth,
            step_ms,
            deviation_ms: f64::NAN,
            bytes: 1e6,
        }
    }

    /// Times made by a known law give that law back.
    #[test]
    fn the_model_finds_a_known_law() {
        let mut sizes = Vec::new();
        for (width, depth, points) in [(10, 2, 100), (20, 2, 100), (20, 4, 100), (20, 4, 1000), (40, 4, 500)] {
            let law = 1e-4 * (width as f64).powf(1.5) * depth as f64 * (points as f64).powf(0.5);
            sizes.push(size(width, depth, points, law));
        }
        let model = Model::fit("cavity", "acr", &sizes).unwrap();
        let wanted = [("width", 1.5), ("depth", 1.0), ("points", 0.5)];
        for ((name, got), (wanted_name, wanted)) in model.exponents.iter().zip(wanted) {
            assert_eq!(*name, wanted_name);
            assert!((got - wanted).abs() < 1e-9, "{name}: {got}");
        }
        assert!(model.power_r_squared > 0.999_999);
        let affine: Vec<Size> = [100, 200, 1000, 5000].map(|n| size(10, 2, n, 2.0 + 3e-6 * n as f64 * 200.0)).into();
        let linear = Model::fit("cavity", "acr", &affine).unwrap().linear.unwrap();
        assert!((linear.fixed_ms - 2.0).abs() < 1e-9 && (linear.slope_ns - 3.0).abs() < 1e-9, "{linear:?}");
        assert!(Model::fit("cavity", "std", &sizes).is_none() && Model::fit("cavity", "acr", &affine[..1]).is_none());
    }
}
