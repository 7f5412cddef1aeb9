//! What kernels may ask of an adapter, as plain numbers: a step can be planned for an adapter that is not here.

/// Limits and features that decide how a step is cut into kernels.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// The kind of machine that kernels are to be written for, where somebody has asked for one by name.
    pub target: Option<String>,
    /// Whether it renders in software, on the processor.
    pub software: bool,
    /// Threads that one workgroup may hold.
    pub threads: usize,
    /// Bytes of memory that a workgroup shares.
    pub workgroup_memory: usize,
    /// Bytes that one storage binding may hold.
    pub binding: u64,
    /// Bytes that one image may hold, where kernels can read and write images of `vec4f`.
    pub image: Option<u64>,
    /// Threads of a subgroup, where kernels can use subgroup operations and all subgroups are of one size.
    pub subgroup: Option<usize>,
    /// Loop trips that one invocation may take, where a driver ends loops silently after so many.
    pub trip_limit: Option<usize>,
}

impl Capabilities {
    /// What Mesa's software rasteriser offers on a processor with vectors of eight numbers.
    pub fn rasteriser() -> Capabilities {
        Capabilities {
            software: true,
            threads: 1024,
            workgroup_memory: 32 << 10,
            binding: 128 << 20,
            image: Some(16 << (super::IMAGE_ROW_BITS + 14)),
            subgroup: Some(8),
            ..Capabilities::webgpu()
        }
    }

    /// What every WebGPU implementation guarantees: its default limits and no optional feature.
    pub fn webgpu() -> Capabilities {
        let limits = wgpu::Limits::default();
        Capabilities {
            target: None,
            software: false,
            threads: limits.max_compute_invocations_per_workgroup as usize,
            workgroup_memory: limits.max_compute_workgroup_storage_size as usize,
            binding: limits.max_storage_buffer_binding_size,
            image: None,
            subgroup: None,
            trip_limit: None,
        }
    }
}
