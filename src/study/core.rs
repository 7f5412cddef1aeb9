//! The core comparison: the paper's 2×2 conditions on every problem over paired seeds.

use serde_json::json;

use crate::error::Result;

use super::compare::{
    OF_STD_AND_ACR, answers, comparison_table, comparisons, conflict_table, error_table, losses_note, parts_table,
};
use super::curves::convergence;
use super::{Analysis, Entry, Request, Resolve, Run, Study, Task};

/// See the module.
pub struct Core;

impl Study for Core {
    fn name(&self) -> &'static str {
        "core"
    }

    fn summary(&self) -> &'static str {
        "std, gcr, lda and acr on every problem over paired seeds: errors, tests, conflicts, convergence"
    }

    fn defaults(&self) -> Request {
        Request::standard()
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        let each = request.each_condition().into_iter();
        let entries: Result<Vec<_>> = each.map(|v| request.each_seed(&v, Task::Train, resolve)).collect();
        Ok(entries?.into_iter().flatten().collect())
    }

    fn analyse(&self, _: &Request, runs: &[Run]) -> Analysis {
        let (errors, error_numbers) = error_table(runs, "std");
        let (conflicts, conflict_numbers) = conflict_table(runs);
        let comparisons = comparisons(runs);
        Analysis {
            notes: answers(runs, "std").into_iter().chain(losses_note(runs)).collect(),
            tables: vec![errors, parts_table(runs), comparison_table(&comparisons, OF_STD_AND_ACR), conflicts],
            figures: convergence(runs),
            document: json!({"groups": error_numbers, "comparisons": comparisons, "conflicts": conflict_numbers}),
        }
    }
}
