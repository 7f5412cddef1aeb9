//! `--shard`: which runs of a study are this process's, where several do it together.

use acr_pinn_gpu::error::{Error, Result};

use super::output;

/// Every `of`-th run, from number `number` on (from 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// Whether the run with this number, from 0, is one of them.
    pub fn takes(&self, index: usize) -> bool {
        index % self.of == self.number - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Reads "2/8".
pub fn parse(text: &str) -> std::result::Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number, of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
        _ => Err("expected I/N with I from 1 to N, such as 2/8".to_owned()),
    }
}

/// The part of a Slurm array that this task is, as Slurm's variables say.
fn of_slurm(variable: &dyn Fn(&str) -> Option<usize>) -> Option<Shard> {
    let [id, count] = ["ID", "COUNT"].map(|name| variable(&format!("SLURM_ARRAY_TASK_{name}")));
    let (first, step) = (variable("SLURM_ARRAY_TASK_MIN").unwrap_or(0), variable("SLURM_ARRAY_TASK_STEP").unwrap_or(1));
    let (number, of) = (id?.checked_sub(first)? / step.max(1) + 1, count?);
    (of > 1 && number <= of).then_some(Shard { number, of })
}

/// The shard that is asked for, or that of the Slurm array which this process is a task of. All need the same folder.
///
/// # Errors
/// No folder is named.
pub fn of(asked: Option<Shard>, has_out: bool, dry_run: bool, quiet: bool) -> Result<Option<Shard>> {
    let variable = |name: &str| std::env::var(name).ok()?.parse().ok();
    let slurm = of_slurm(&variable).filter(|_| asked.is_none() && !dry_run);
    if let Some(shard) = slurm {
        output::announce(&[format!("a Slurm array: shard {shard} is this task's")], quiet);
    }
    let shard = asked.or(slurm);
    if shard.is_some() && !has_out && !dry_run {
        return Err(Error::Usage("a shard needs --out DIR, the same for all of them".into()));
    }
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_disjoint_and_complete() {
        let shards: Vec<Shard> = (1..=3).map(|k| parse(&format!("{k}/3")).unwrap()).collect();
        for index in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.takes(index)).count(), 1);
        }
        for odd in ["0/3", "4/3", "1", "a/b", "1/0", "1/", "-1/2"] {
            assert!(parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_slurm_array_may_begin_anywhere_and_count_in_strides() {
        let shard = |id: usize, count: usize, first: usize, step: usize| {
            let values = [("ID", id), ("COUNT", count), ("MIN", first), ("STEP", step)];
            of_slurm(&|name| values.iter().find(|(key, _)| name.ends_with(&format!("_{key}"))).map(|(_, value)| *value))
        };
        assert_eq!(shard(0, 4, 0, 1), Some(Shard { number: 1, of: 4 }));
        assert_eq!(shard(4, 4, 1, 1), Some(Shard { number: 4, of: 4 }));
        assert_eq!(shard(20, 3, 10, 5), Some(Shard { number: 3, of: 3 }));
        assert_eq!(shard(7, 1, 7, 1), None);
        // an array with gaps, such as 0,3,17, has no stride that tells its parts
        assert_eq!(shard(17, 3, 0, 1), None);
        assert_eq!(of_slurm(&|_| None), None);
    }
}
