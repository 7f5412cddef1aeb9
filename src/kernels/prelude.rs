//! The prelude: everything numeric that Rust decides, as one `const` line each, and the catalogue of shader
//! texts. `override` cannot size arrays, and constants let every compiler unroll and fold.

use std::fmt::Write as _;

use crate::gpu::Part;

/// Lines of constants in front of a kernel.
#[derive(Clone, Default)]
pub struct Prelude(String);

impl Prelude {
    pub fn u32(&mut self, name: &str, value: usize) -> &mut Self {
        let _ = writeln!(self.0, "const {name} = {value}u;");
        self
    }

    pub fn f32(&mut self, name: &str, value: f64) -> &mut Self {
        let _ = writeln!(self.0, "const {name} = {};", number(value));
        self
    }

    pub fn bool(&mut self, name: &str, value: bool) -> &mut Self {
        let _ = writeln!(self.0, "const {name} = {value};");
        self
    }

    pub fn u32s(&mut self, name: &str, values: &[usize]) -> &mut Self {
        let list: Vec<_> = values.iter().map(|v| format!("{v}u")).collect();
        let _ = writeln!(self.0, "const {name} = array<u32, {}>({});", values.len(), list.join(", "));
        self
    }

    pub fn f32s(&mut self, name: &str, values: &[f64]) -> &mut Self {
        let list: Vec<_> = values.iter().map(|v| number(*v)).collect();
        let _ = writeln!(self.0, "const {name} = array<f32, {}>({});", values.len(), list.join(", "));
        self
    }

    pub fn line(&mut self, text: &str) -> &mut Self {
        let _ = writeln!(self.0, "{text}");
        self
    }

    /// What the constant before this is, in its line.
    pub fn note(&mut self, comment: &str) -> &mut Self {
        let end = self.0.trim_end().len();
        self.0.truncate(end);
        let width = end - self.0.rfind('\n').map_or(0, |newline| newline + 1);
        let _ = writeln!(self.0, "{:pad$} // {comment}", "", pad = 34_usize.saturating_sub(width));
        self
    }

    pub fn part(&self) -> Part {
        Part::new("prelude", self.0.clone())
    }
}

/// A value as the nearest `f32` literal.
fn number(value: f64) -> String {
    format!("{:?}f", value as f32)
}

/// The shared shader texts, embedded, by their path below `shaders/`. Those of a problem or a
/// strategy come with its Rust half.
const SHADERS: &[(&str, &str)] = &[
    ("math", include_str!("../../shaders/math.wgsl")),
    ("rng", include_str!("../../shaders/rng.wgsl")),
    ("double", include_str!("../../shaders/double.wgsl")),
    ("cosines", include_str!("../../shaders/cosines.wgsl")),
    ("schedule", include_str!("../../shaders/schedule.wgsl")),
    ("tile", include_str!("../../shaders/tile.wgsl")),
    ("shares", include_str!("../../shaders/shares.wgsl")),
    ("unknowns", include_str!("../../shaders/unknowns.wgsl")),
    ("factors", include_str!("../../shaders/factors.wgsl")),
    ("probe", include_str!("../../shaders/probe.wgsl")),
    ("traces", include_str!("../../shaders/traces.wgsl")),
    ("weighing", include_str!("../../shaders/weighing.wgsl")),
    ("memory/buffers", include_str!("../../shaders/memory/buffers.wgsl")),
    ("memory/images", include_str!("../../shaders/memory/images.wgsl")),
    ("gpu/features", include_str!("../../shaders/gpu/features.wgsl")),
    ("raster/threads", include_str!("../../shaders/raster/threads.wgsl")),
    ("ops/tanh", include_str!("../../shaders/ops/tanh.wgsl")),
    ("ops/sigmoid", include_str!("../../shaders/ops/sigmoid.wgsl")),
    ("ops/mix", include_str!("../../shaders/ops/mix.wgsl")),
    ("ops/blend", include_str!("../../shaders/ops/blend.wgsl")),
    ("ops/add", include_str!("../../shaders/ops/add.wgsl")),
    ("ops/average", include_str!("../../shaders/ops/average.wgsl")),
    ("ops/tanh_sum", include_str!("../../shaders/ops/tanh_sum.wgsl")),
    ("ops/sine", include_str!("../../shaders/ops/sine.wgsl")),
    ("ops/cosine", include_str!("../../shaders/ops/cosine.wgsl")),
    ("jets/value", include_str!("../../shaders/jets/value.wgsl")),
    ("jets/gradient", include_str!("../../shaders/jets/gradient.wgsl")),
    ("jets/second", include_str!("../../shaders/jets/second.wgsl")),
    ("jets/second_5d", include_str!("../../shaders/jets/second_5d.wgsl")),
    ("jets/third", include_str!("../../shaders/jets/third.wgsl")),
    ("kernels/sample", include_str!("../../shaders/kernels/sample.wgsl")),
    ("kernels/measure", include_str!("../../shaders/kernels/measure.wgsl")),
    ("kernels/survey", include_str!("../../shaders/kernels/survey.wgsl")),
    ("kernels/weigh", include_str!("../../shaders/kernels/weigh.wgsl")),
    ("kernels/traces_of", include_str!("../../shaders/kernels/traces_of.wgsl")),
    ("kernels/fused", include_str!("../../shaders/kernels/fused.wgsl")),
    ("kernels/stage", include_str!("../../shaders/kernels/stage.wgsl")),
    ("kernels/predict", include_str!("../../shaders/kernels/predict.wgsl")),
    ("kernels/reduce", include_str!("../../shaders/kernels/reduce.wgsl")),
    ("kernels/coefficients_of", include_str!("../../shaders/kernels/coefficients_of.wgsl")),
];

/// All shared texts.
pub fn texts() -> impl Iterator<Item = &'static str> {
    SHADERS.iter().map(|(_, text)| *text)
}

/// The text of `shaders/<path>.wgsl`, one of the shared ones.
///
/// # Panics
/// If there is no such file: a mistake in this crate that the linking test finds.
pub fn shader(path: &str) -> Part {
    let found = SHADERS.iter().find(|(known, _)| *known == path);
    let (_, text) = found.unwrap_or_else(|| panic!("no shader `{path}`: add it to SHADERS"));
    Part::new(format!("shaders/{path}.wgsl"), *text)
}

/// The device half of a strategy; its file carries the plug-in's name.
pub fn plugin(kind: &str, name: &str, text: &'static str) -> Part {
    Part::new(format!("shaders/{kind}/{}.wgsl", name.replace('-', "_")), text)
}
