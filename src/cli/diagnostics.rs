//! `diagnostics.jsonl` as columns over the steps, for charts.

use std::path::Path;

use acr_pinn_gpu::training::{files, journal};
use serde_json::Value;

/// A named column, one number per step.
pub type Column = (String, Vec<f64>);

/// How the terms' gradients and the network's gates went.
#[derive(Debug, Default, PartialEq)]
pub struct Diagnostics {
    pub steps: Vec<f64>,
    /// Cosine of the gradients of each pair of terms.
    pub cosines: Vec<Column>,
    /// Norm of each term's gradient.
    pub norms: Vec<Column>,
    /// What the combined gradient takes of each term's.
    pub coefficients: Vec<Column>,
    /// Share of pairs with a negative cosine, and how far the strategy moves the plain sum.
    pub conflict_rate: Vec<f64>,
    pub projection_ratio: Vec<f64>,
    /// Of each layer: mean weight of the first branch, and share of gates that have decided.
    pub gates: Vec<Column>,
    pub decided: Vec<Column>,
}

impl Diagnostics {
    /// Of a run directory; `terms` in the order of the losses. What is not there or cannot be read is left out: charts are
    /// no reason to fail.
    pub fn read(folder: &Path, terms: &[&str]) -> Diagnostics {
        let bytes = files::read(&folder.join(journal::FILES[2]), 1 << 30).unwrap_or_default();
        Diagnostics::parse(&String::from_utf8_lossy(&bytes), terms)
    }

    fn parse(text: &str, terms: &[&str]) -> Diagnostics {
        let rows: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let column = |of: &dyn Fn(&Value) -> Option<f64>| rows.iter().map(|row| of(row).unwrap_or(f64::NAN)).collect();
        let count = |key: &str| rows.first().and_then(|row| row[key].as_array()).map_or(0, Vec::len);
        let term = |k: usize| terms.get(k).copied().unwrap_or("?").to_owned();
        let of_terms = |key: &str| {
            (0..count(key)).map(|k| (term(k), column(&|row| row[key][k].as_f64()))).collect::<Vec<Column>>()
        };
        let pairs = rows.first().and_then(|row| row["cosines"].as_array()).cloned().unwrap_or_default();
        let pair = |(k, pair): (usize, &Value)| {
            let name = |side: usize| term(pair[side].as_u64().unwrap_or(u64::MAX) as usize);
            (format!("{}–{}", name(0), name(1)), column(&|row| row["cosines"][k][2].as_f64()))
        };
        let of_layers = |of: &dyn Fn(&Value) -> Option<f64>| {
            let layer = |k: usize| (format!("layer {}", k + 1), column(&|row| of(&row["gates"][k])));
            (0..count("gates")).map(layer).collect::<Vec<Column>>()
        };
        Diagnostics {
            steps: column(&|row| row["step"].as_f64()),
            cosines: pairs.iter().enumerate().map(pair).collect(),
            norms: of_terms("gradient_norms"),
            coefficients: of_terms("coefficients"),
            conflict_rate: column(&|row| row["conflict_rate"].as_f64()),
            projection_ratio: column(&|row| row["projection_ratio"].as_f64()),
            gates: of_layers(&|gate| gate["mean"][0].as_f64()),
            decided: of_layers(&|gate| gate["saturation"].as_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_by_terms_and_half_a_line_is_left_out() {
        let text = r#"{"step":5,"coefficients":[1.0,2.0],"gradient_norms":[3.0,4.0],"cosines":[[0,1,-0.5]],"conflict_rate":1.0,"projection_ratio":0.25,"gates":[{"mean":[0.4,0.6],"saturation":0.1}]}
{"step":10,"coefficients":[1.0,1.0],"gradient_norms":[3.0,null],"cosines":[[0,1,0.5]],"conflict_rate":0.0,"projection_ratio":0.0,"gates":[{"mean":[0.3,0.7],"saturation":0.2}]}
{"step":15,"#;
        let d = Diagnostics::parse(text, &["pde", "bc"]);
        assert_eq!(d.steps, [5.0, 10.0]);
        assert_eq!(d.cosines, [("pde–bc".to_owned(), vec![-0.5, 0.5])]);
        assert_eq!((d.norms[0].0.as_str(), &d.norms[0].1[..]), ("pde", &[3.0, 3.0][..]));
        assert!(d.norms[1].1[1].is_nan());
        assert_eq!(d.gates, [("layer 1".to_owned(), vec![0.4, 0.3])]);
        assert_eq!(d.decided[0].1, [0.1, 0.2]);
        assert_eq!(Diagnostics::parse("", &["pde"]), Diagnostics::default());
    }
}
