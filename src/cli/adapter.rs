//! Flags that choose the adapter, shared by every verb that computes.

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::{Choice, Gpu};
use acr_pinn_gpu::kernels::tile;

use super::output;

/// Which adapter to compute on.
#[derive(clap::Args, Clone, Debug)]
pub struct AdapterArgs {
    /// Use this adapter: its number or PCI address as `doctor` prints them, or a part of its name
    #[arg(long, value_name = "WHICH", env = "ACR_PINN_ADAPTER", help_heading = "Adapter")]
    pub adapter: Option<String>,
    /// Use this backend: vulkan, metal or dx12; `doctor` names those of this system
    #[arg(long, value_name = "NAME", env = "ACR_PINN_BACKEND", help_heading = "Adapter")]
    pub backend: Option<String>,
    /// Take at most this much device memory
    #[arg(long, value_name = "MIB", env = "ACR_PINN_MEMORY", help_heading = "Adapter")]
    pub memory: Option<u64>,
    /// Write kernels for this kind of machine instead of the adapter's own: gpu or raster
    #[arg(long, value_name = "NAME", env = "ACR_PINN_TARGET", help_heading = "Adapter")]
    pub target: Option<String>,
    /// Keep the shader compiler's runtime checks (bounds, loops)
    #[arg(long, help_heading = "Adapter")]
    pub checked: bool,
}

impl AdapterArgs {
    /// What the flags ask for.
    pub fn choice(&self) -> Choice {
        Choice {
            name: self.adapter.clone(),
            backend: self.backend.clone(),
            checked: self.checked,
            target: self.target.clone(),
            memory: self.memory.map(|mib| mib.saturating_mul(1 << 20)),
        }
    }

    /// Opens the adapter and says which one it is.
    pub fn open(&self, quiet: bool) -> Result<Gpu> {
        if let Some(name) = &self.target {
            tile::known(name).map_err(Error::Usage)?;
        }
        let gpu = Gpu::open(&self.choice())?;
        if self.target.as_deref() == Some("raster") && gpu.subgroup().is_none() {
            let what =
                "the target `raster` needs subgroups of one size, which this adapter does not offer: take --target gpu";
            return Err(Error::Usage(what.into()));
        }
        if !quiet {
            let record = gpu.record();
            output::say(&format!("adapter: {} · {} · {}", record.name, record.kind, record.backend));
            if let Some(remark) = gpu.remark() {
                output::say(&format!("         {remark}"));
            }
            if gpu.is_software() {
                output::say("         software rendering on the processor: correct, but far slower than any GPU");
            }
        }
        Ok(gpu)
    }
}
