//! Where each tensor lies in the flat parameter vector: the only place where an offset is computed.

/// One named tensor; names are those of the reference implementation and of `model.safetensors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Such as "linear.0.weight".
    pub name: String,
    /// `[out, in]` for matrices, `[out]` for biases, `[layers]` for the residual scales; row-major.
    pub shape: Vec<usize>,
    /// Index of its first entry in the flat vector.
    pub offset: usize,
    /// Whether it is trained; otherwise it keeps the numbers that it began with, and its gradient is zero.
    pub trained: bool,
}

impl Slot {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    /// Never: a tensor has entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Its indices in the flat vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
    /// Columns of a matrix (its fan-in); one for anything else.
    pub fn columns(&self) -> usize {
        self.shape.get(1).copied().unwrap_or(1)
    }
    /// Rows of a matrix (its fan-out).
    pub fn rows(&self) -> usize {
        self.shape[0]
    }
}

/// The map of the flat parameter vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The tensors in the order in which they lie, without gaps.
    pub slots: Vec<Slot>,
    /// The number of parameters, those that are not trained included.
    pub len: usize,
}

impl Layout {
    /// Appends a tensor.
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize]) {
        let slot = Slot { name: name.into(), shape: shape.to_vec(), offset: self.len, trained: true };
        self.len += slot.len();
        self.slots.push(slot);
    }
    /// Appends a tensor that is not trained.
    pub fn push_fixed(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.push(name, shape);
        if let Some(slot) = self.slots.last_mut() {
            slot.trained = false;
        }
    }
    /// Appends the weight `[rows, columns]` and the bias `[rows]` of a linear layer.
    pub fn push_linear(&mut self, name: &str, rows: usize, columns: usize) {
        self.push(format!("{name}.weight"), &[rows, columns]);
        self.push(format!("{name}.bias"), &[rows]);
    }
    /// Whether there are no parameters.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// How many of the parameters are trained: the number that papers give.
    pub fn trained(&self) -> usize {
        self.slots.iter().filter(|slot| slot.trained).map(Slot::len).sum()
    }
    /// The tensor called `name`, if there is one.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }
    /// Every module, a matrix with its bias or a tensor on its own, with its indices in the flat vector.
    pub fn modules(&self) -> Vec<(&str, std::ops::Range<usize>)> {
        let mut modules: Vec<(&str, std::ops::Range<usize>)> = Vec::new();
        for slot in &self.slots {
            let name = slot.name.strip_suffix(".weight").or_else(|| slot.name.strip_suffix(".bias"));
            let name = name.unwrap_or(&slot.name);
            match modules.last_mut() {
                Some((known, range)) if *known == name => range.end = slot.range().end,
                _ => modules.push((name, slot.range())),
            }
        }
        modules
    }
    /// The offset of the tensor called `name`.
    ///
    /// # Panics
    /// If there is none: names are written by the network that made the layout.
    pub fn offset(&self, name: &str) -> usize {
        self.slot(name).unwrap_or_else(|| panic!("no tensor `{name}`")).offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_without_gaps() {
        let mut layout = Layout::default();
        layout.push_linear("a", 3, 2);
        layout.push("scales", &[4]);
        assert_eq!(layout.len, 13);
        assert_eq!(layout.slots[1].range(), 6..9);
        assert_eq!(layout.offset("scales"), 9);
        assert_eq!((layout.slots[0].rows(), layout.slots[0].columns()), (3, 2));
        assert_eq!(layout.modules(), [("a", 0..9), ("scales", 9..13)]);
        layout.push_fixed("waves", &[2, 3]);
        assert_eq!((layout.len, layout.trained()), (19, 13));
    }
}
