//! The cavity: the embedded grid-converged flow, and the paper's own pair of text files.

use crate::problems::Solution;
use safetensors::SafeTensors;

/// Nodes along each axis.
pub const NODES: usize = 100;
/// Tensors u and v [100, 100] f32, row i ↔ x = i/99, column j ↔ y = j/99 (see assets/README.md).
static CONVERGED: &[u8] = include_bytes!("../../../assets/solutions/cavity_re100.safetensors");

/// The grid-converged flow at Re = 100: speed first, then u and v, on the 100 × 100 grid.
///
/// # Panics
/// If the embedded asset is damaged; a test reads it.
pub fn converged() -> Solution {
    let file = SafeTensors::deserialize(CONVERGED).expect("embedded cavity reference");
    let read = |name: &str| -> Vec<f64> {
        let tensor = file.tensor(name).expect("embedded cavity reference");
        tensor.data().as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
    };
    flow("grid-converged finite differences, Re = 100".into(), read("u"), read("v"))
}

/// The flow of a pair of text files in the layout of the paper's `reference_u.csv`, `reference_v.csv`:
/// 100 lines of 100 comma-separated numbers, line i ↔ x = i/99, column j ↔ y = j/99. CRLF is accepted.
///
/// # Errors
/// Names the file, line and column that is not as described.
pub fn from_csv(u: &str, v: &str) -> Result<Solution, String> {
    Ok(flow("text files".into(), parse("the u file", u)?, parse("the v file", v)?))
}

fn parse(what: &str, text: &str) -> Result<Vec<f64>, String> {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    if lines.len() != NODES {
        return Err(format!("{what} has {} lines instead of {NODES}: one line per x", lines.len()));
    }
    let mut values = Vec::with_capacity(NODES * NODES);
    for (row, line) in lines.iter().enumerate() {
        let entries: Vec<&str> = line.split(',').collect();
        if entries.len() != NODES {
            return Err(format!("{what}, line {}: {} numbers instead of {NODES}", row + 1, entries.len()));
        }
        for (column, entry) in entries.iter().enumerate() {
            match entry.trim().parse::<f64>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => {
                    let shown: String = entry.trim().chars().take(24).collect();
                    let place = format!("line {}, column {}", row + 1, column + 1);
                    return Err(format!("{what}, {place}: `{shown}` is not a finite number"));
                }
            }
        }
    }
    Ok(values)
}

fn flow(origin: String, u: Vec<f64>, v: Vec<f64>) -> Solution {
    let speed = u.iter().zip(&v).map(|(u, v)| u.hypot(*v)).collect();
    Solution { origin, values: vec![("speed", speed), ("u", u), ("v", v)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_flow_is_the_converged_one() {
        let solution = converged();
        let (u, v) = (solution.of("u").unwrap(), solution.of("v").unwrap());
        assert_eq!(u.len(), NODES * NODES);
        for i in 0..NODES {
            assert_eq!(u[i * NODES + NODES - 1], 1.0, "the lid at node {i}");
            assert_eq!((u[i * NODES], v[i * NODES], v[i]), (0.0, 0.0, 0.0), "a wall at node {i}");
        }
        // Smallest u on the vertical centre line, between the two middle columns of nodes.
        let middle = |j: usize| 0.5 * (u[49 * NODES + j] + u[50 * NODES + j]);
        let least = (0..NODES).map(middle).fold(f64::INFINITY, f64::min);
        assert!((least + 0.2140).abs() < 5e-4, "{least}");
    }

    #[test]
    fn text_files_are_read_with_either_line_end() {
        let line = vec!["1.5e-1"; NODES].join(",");
        for end in ["\n", "\r\n"] {
            let text = vec![line.clone(); NODES].join(end) + end;
            let solution = from_csv(&text, &text).unwrap();
            assert!((solution.compared()[77] - 0.15 * 2.0_f64.sqrt()).abs() < 1e-15);
        }
    }

    #[test]
    fn bad_text_files_are_refused_with_the_place() {
        let line = vec!["1"; NODES].join(",");
        let good = vec![line.clone(); NODES].join("\n");
        let short = vec![line.clone(); 3].join("\n");
        assert_eq!(from_csv(&short, &good).unwrap_err(), "the u file has 3 lines instead of 100: one line per x");
        let broken = good.replacen("1,1", "1,nan", 1);
        let wanted = "the v file, line 1, column 2: `nan` is not a finite number";
        assert_eq!(from_csv(&good, &broken).unwrap_err(), wanted);
        let missing = good.replacen("1,1", "1", 1);
        assert_eq!(from_csv(&good, &missing).unwrap_err(), "the v file, line 1: 99 numbers instead of 100");
    }
}
