//! A hash over the whole course of a run: two runs with the same value took the same steps, bit by bit.

use sha2::{Digest, Sha256};

use super::trainer::StepRecord;

/// After n steps: chainₙ₊₁ = SHA-256(chainₙ ‖ losses of step n ‖ its coefficients), numbers as little-endian f32,
/// chain₀ = 32 zero bytes. How steps are cut into submits, and whether they were taken in one session, leaves no trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain([u8; 32]);

impl Chain {
    /// Adds a step.
    pub fn add(&mut self, record: &StepRecord) {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(bytemuck::cast_slice(&record.losses));
        hash.update(bytemuck::cast_slice(&record.coefficients));
        self.0.copy_from_slice(&hash.finalize());
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The reverse of [`Chain::hex`].
    pub fn parse(text: &str) -> Option<Chain> {
        let mut chain = Chain::default();
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in chain.0.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(chain)
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_every_step_counts() {
        let record = |loss: f32, coefficient: f32| StepRecord {
            step: 0,
            losses: vec![loss, 2.0],
            coefficients: vec![coefficient, 1.0],
            gram: vec![0.0; 4],
            rate: 0.0,
        };
        let after = |records: &[StepRecord]| {
            let mut chain = Chain::default();
            records.iter().for_each(|record| chain.add(record));
            chain
        };
        let base = after(&[record(1.0, 1.0), record(1.0, 1.0)]);
        let next = f32::from_bits(1.0_f32.to_bits() + 1);
        for other in [[record(next, 1.0), record(1.0, 1.0)], [record(1.0, 1.0), record(1.0, next)]] {
            assert_ne!(after(&other), base);
        }
        assert_ne!(after(&[record(1.0, 1.0)]), base);
        assert_eq!(Chain::parse(&base.hex()), Some(base));
        assert!(Chain::parse("zz").is_none() && Chain::parse(&"é".repeat(32)).is_none());
        // of one step with losses (1, 2) and coefficients (1, 1), by another implementation of SHA-256
        assert_eq!(
            after(&[record(1.0, 1.0)]).hex(),
            "38e1e2945fdb9548f362b6540a85eafc0f212112f75d0aee7cb1a1d067c74fad"
        );
    }
}
