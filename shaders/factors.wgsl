// The factors that a strategy gives the squared residuals of points; 1 where it gives none.
//
// provides: factor_of
// expects:  nothing

@group(0) @binding(4) var<storage, read> factors: array<f32>;               // [sample]

fn factor_of(sample: u32) -> f32 { return factors[sample]; }
