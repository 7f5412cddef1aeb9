//! For tests of tests: changes of shader texts, so that one can see whether a mistake is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Gpu;

/// A change, and how many kernels it was made in.
pub(super) struct Slip {
    change: Change,
    found: AtomicUsize,
}

/// What becomes of a text.
enum Change {
    /// Wherever the first stands, the second does.
    Replace(String, String),
    /// Barrier number so much is gone, counted from the top.
    Barrier(usize),
}

impl Change {
    /// The text after the change; none if there is nothing to change.
    fn of(&self, text: &str) -> Option<String> {
        match self {
            Change::Replace(right, wrong) => text.contains(right).then(|| text.replace(right, wrong)),
            Change::Barrier(nth) => {
                let (at, ..) = *barriers(text).get(*nth)?;
                let end = at + text[at..].find(';')?;
                Some(format!("{}{}", &text[..at], &text[end + 1..]))
            }
        }
    }
}

/// The barriers that a kernel's text waits at: where each begins, its name and the function that it stands in.
pub fn barriers(text: &str) -> Vec<(usize, &str, &str)> {
    let (mut found, mut function, mut at) = (Vec::new(), "", 0);
    for line in text.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or(line);
        if let Some(rest) = code.strip_prefix("fn ") {
            function = rest.split('(').next().unwrap_or(rest);
        }
        let waits = |name: &&str| code.trim().strip_prefix(*name).is_some_and(|rest| rest.starts_with("();"));
        if let Some(name) = ["barrier", "thread_barrier"].into_iter().find(waits) {
            found.push((at + code.len() - code.trim_start().len(), name, function));
        }
        at += line.len();
    }
    found
}

/// In which order the subgroups of a workgroup are walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Backwards.
    Backwards,
    /// Neighbours swapped.
    Swapped,
}

impl Gpu {
    /// Every kernel linked from now on has `wrong` where its text says `right`.
    pub fn with_slip(self, right: &str, wrong: &str) -> Gpu {
        self.with_change(Change::Replace(right.to_owned(), wrong.to_owned()))
    }

    /// Every kernel linked from now on lacks barrier number `nth` of its [`barriers`], if it has so many.
    pub fn without_barrier(self, nth: usize) -> Gpu {
        self.with_change(Change::Barrier(nth))
    }

    fn with_change(mut self, change: Change) -> Gpu {
        self.slips.push(Arc::new(Slip { change, found: AtomicUsize::new(0) }));
        self
    }

    /// Kernels of the target `gpu` walk over their subgroups in another order. A driver that runs subgroup after subgroup
    /// between two barriers then shows what a GPU shows now and then where a barrier is missing: other bits.
    pub fn with_walk(self, walk: Walk) -> Gpu {
        let number = match walk {
            Walk::Backwards => 1,
            Walk::Swapped => 2,
        };
        // any order must do: smaller pieces than subgroups are of one size in every workgroup
        let threads = self.subgroup().unwrap_or(4).min(8);
        self.with_slip("const WALK = 0u;", &format!("const WALK = {number}u;"))
            .with_slip("const WALK_SIZE = THREADS;", &format!("const WALK_SIZE = {threads}u;"))
    }

    /// How many kernels the slips have changed, the one that changed the fewest.
    pub fn slips(&self) -> usize {
        self.slips.iter().map(|slip| slip.found.load(Ordering::Relaxed)).min().unwrap_or(0)
    }

    /// `text` with the slips.
    pub(super) fn slipped(&self, text: String) -> String {
        self.slips.iter().fold(text, |text, slip| match slip.change.of(&text) {
            Some(changed) => {
                slip.found.fetch_add(1, Ordering::Relaxed);
                changed
            }
            None => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_barrier_is_taken_out_and_no_other() {
        let text =
            "fn barrier() { storageBarrier(); }\nfn f() {\n    barrier();  // a\n    g();\n    thread_barrier();\n}\n";
        let found: Vec<_> = barriers(text).into_iter().map(|(_, name, function)| (name, function)).collect();
        assert_eq!(found, [("barrier", "f"), ("thread_barrier", "f")]);
        let without = Change::Barrier(1).of(text).unwrap();
        assert_eq!(without, text.replace("thread_barrier();", ""));
        assert_eq!(Change::Barrier(2).of(text), None);
    }
}
