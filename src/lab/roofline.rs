//! What a time says about an adapter: rates, and their share of the ceilings that the probe measured.

use super::probe::Ceilings;
use super::timing::{KernelTime, Row};

/// A share of a ceiling, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// In percent.
    Percent(f64),
    /// More than the ceiling: then the clock or the ceiling is wrong, and the number is not worth printing.
    Beyond,
    /// There is no ceiling, or nothing was counted.
    Unknown,
}

/// What a rate may exceed its ceiling by before one of the two is wrong.
const SLACK: f64 = 1.02;

impl Share {
    /// `rate` out of `ceiling`.
    pub fn of(rate: Option<f64>, ceiling: Option<f64>) -> Share {
        match (rate, ceiling) {
            (Some(rate), Some(ceiling)) if rate > SLACK * ceiling => Share::Beyond,
            (Some(rate), Some(ceiling)) if ceiling > 0.0 => Share::Percent(100.0 * rate / ceiling),
            _ => Share::Unknown,
        }
    }

    /// The percentage, if there is one.
    pub fn percent(self) -> Option<f64> {
        if let Share::Percent(percent) = self { Some(percent) } else { None }
    }
}

/// Rates of a kernel or a step, with their shares of the ceilings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Billions of operations in a second.
    pub gflops: Option<f64>,
    pub of_arithmetic: Share,
    /// Billions of bytes in a second.
    pub gbs: f64,
    pub of_bandwidth: Share,
    /// Operations per byte.
    pub intensity: Option<f64>,
}

impl Rates {
    fn new(us: f64, flop: Option<f64>, bytes: u64, ceilings: &Ceilings) -> Rates {
        let gflops = flop.map(|flop| flop / us / 1e3);
        let gbs = bytes as f64 / us / 1e3;
        Rates {
            gflops,
            of_arithmetic: Share::of(gflops, ceilings.gflops),
            gbs,
            of_bandwidth: Share::of(Some(gbs), ceilings.gbs),
            intensity: flop.map(|flop| flop / bytes.max(1) as f64),
        }
    }

    /// Of a kernel.
    pub fn of_kernel(kernel: &KernelTime, ceilings: &Ceilings) -> Rates {
        Rates::new(kernel.us, kernel.flop, kernel.bytes, ceilings)
    }

    /// Of a whole step that takes `us`; its bytes are those that its kernels bind.
    pub fn of_step(row: &Row, us: f64, ceilings: &Ceilings) -> Rates {
        Rates::new(us, Some(row.flop), row.kernels.iter().map(|kernel| kernel.bytes).sum(), ceilings)
    }
}

/// What a kernel of this intensity could reach, in billions of operations in a second.
pub fn roof(intensity: f64, gflops: f64, gbs: f64) -> f64 {
    gflops.min(gbs * intensity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_is_more_than_all() {
        let ceilings = Ceilings { gflops: Some(100.0), gbs: Some(10.0), ..Ceilings::default() };
        let kernel = |us: f64, flop: Option<f64>| KernelTime {
            kernel: "fused".into(),
            dispatches: 1,
            us,
            clock: "device".into(),
            flop,
            bytes: 1_000_000,
        };
        // 50 MFLOP and 1 MB in a millisecond: 50 GFLOP/s, 1 GB/s
        let rates = Rates::of_kernel(&kernel(1000.0, Some(5e7)), &ceilings);
        assert_eq!((rates.gflops, rates.gbs, rates.intensity), (Some(50.0), 1.0, Some(50.0)));
        assert_eq!((rates.of_arithmetic, rates.of_bandwidth), (Share::Percent(50.0), Share::Percent(10.0)));
        let fast = Rates::of_kernel(&kernel(90.0, Some(5e7)), &ceilings);
        assert_eq!((fast.of_arithmetic, fast.of_bandwidth), (Share::Beyond, Share::Beyond));
        assert_eq!(Rates::of_kernel(&kernel(1.0, None), &ceilings).of_arithmetic, Share::Unknown);
        assert_eq!(Share::of(Some(1.0), None).percent(), None);
        assert_eq!((roof(5.0, 100.0, 10.0), roof(20.0, 100.0, 10.0)), (50.0, 100.0));
    }
}
