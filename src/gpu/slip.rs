//! For tests of tests: a slip of the hand in the shader texts, so that one can see whether it is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Gpu;

/// What stands in a text, what it becomes, and in how many kernels it was found.
pub(super) struct Slip {
    right: String,
    wrong: String,
    found: AtomicUsize,
}

impl Gpu {
    /// Every kernel linked from now on has `wrong` where its text says `right`.
    pub fn with_slip(mut self, right: &str, wrong: &str) -> Gpu {
        let (right, wrong, found) = (right.to_owned(), wrong.to_owned(), AtomicUsize::new(0));
        self.slip = Some(Arc::new(Slip { right, wrong, found }));
        self
    }

    /// How many kernels [`Gpu::with_slip`] has changed.
    pub fn slips(&self) -> usize {
        self.slip.as_ref().map_or(0, |slip| slip.found.load(Ordering::Relaxed))
    }

    /// `text` with the slip, if there is one.
    pub(super) fn slipped(&self, text: String) -> String {
        match &self.slip {
            Some(slip) if text.contains(&slip.right) => {
                slip.found.fetch_add(1, Ordering::Relaxed);
                text.replace(&slip.right, &slip.wrong)
            }
            _ => text,
        }
    }
}
