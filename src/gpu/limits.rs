//! Which limits are asked of a device: what computing takes and nothing that only drawing does, because small boards
//! offer less of the latter than WebGPU's defaults and would refuse.

use wgpu::Limits;

/// What every WebGPU implementation guarantees to a program that only computes.
pub(super) fn least() -> Limits {
    Limits {
        max_texture_dimension_1d: 0,
        max_texture_dimension_3d: 0,
        max_texture_array_layers: 1,
        max_bind_groups: 1,
        max_bind_groups_plus_vertex_buffers: 0,
        max_dynamic_uniform_buffers_per_pipeline_layout: 0,
        max_dynamic_storage_buffers_per_pipeline_layout: 0,
        max_sampled_textures_per_shader_stage: 0,
        max_samplers_per_shader_stage: 0,
        max_vertex_buffers: 0,
        max_vertex_attributes: 0,
        max_vertex_buffer_array_stride: 0,
        max_inter_stage_shader_variables: 0,
        max_color_attachments: 0,
        max_color_attachment_bytes_per_sample: 0,
        ..Limits::defaults()
    }
}

/// [`least`], with the few limits that this program can use raised to what the adapter offers; also where it offers less
/// of what is room and not a number of things: whoever wants more room than there is says so then.
pub(super) fn raised(offered: &Limits) -> Limits {
    let least = least();
    Limits {
        max_buffer_size: offered.max_buffer_size,
        max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
        max_uniform_buffer_binding_size: offered.max_uniform_buffer_binding_size.min(65_536),
        max_compute_invocations_per_workgroup: offered.max_compute_invocations_per_workgroup.min(1024),
        max_compute_workgroup_size_x: offered.max_compute_workgroup_size_x.min(1024),
        max_compute_workgroup_size_y: offered.max_compute_workgroup_size_y.min(least.max_compute_workgroup_size_y),
        max_compute_workgroup_size_z: offered.max_compute_workgroup_size_z.min(least.max_compute_workgroup_size_z),
        max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size,
        max_texture_dimension_2d: offered.max_texture_dimension_2d,
        // far more than any kernel binds
        max_bindings_per_bind_group: offered.max_bindings_per_bind_group.min(least.max_bindings_per_bind_group),
        max_non_sampler_bindings: offered.max_non_sampler_bindings.min(least.max_non_sampler_bindings),
        max_uniform_buffers_per_shader_stage: offered
            .max_uniform_buffers_per_shader_stage
            .min(least.max_uniform_buffers_per_shader_stage),
        max_storage_textures_per_shader_stage: offered
            .max_storage_textures_per_shader_stage
            .min(least.max_storage_textures_per_shader_stage),
        max_buffers_and_acceleration_structures_per_shader_stage: offered
            .max_buffers_and_acceleration_structures_per_shader_stage
            .min(least.max_buffers_and_acceleration_structures_per_shader_stage),
        ..least
    }
}

/// What an adapter lacks of `wanted`, in words; none if it offers all.
pub(super) fn lacking(wanted: &Limits, offered: &Limits) -> Option<String> {
    let mut list = Vec::new();
    wanted.check_limits_with_fail_fn(offered, false, |name, wanted, offered| {
        list.push(format!("{name}: it offers {offered}, this program needs {wanted}"));
    });
    (!list.is_empty()).then(|| list.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An adapter that draws next to nothing: no WebGPU implementation, but it computes.
    fn small_board() -> Limits {
        Limits {
            max_texture_dimension_1d: 1024,
            max_texture_dimension_2d: 4096,
            max_texture_dimension_3d: 256,
            max_bind_groups_plus_vertex_buffers: 8,
            max_sampled_textures_per_shader_stage: 8,
            max_samplers_per_shader_stage: 8,
            max_storage_buffer_binding_size: 64 << 20,
            max_uniform_buffer_binding_size: 16 << 10,
            max_vertex_buffers: 4,
            max_vertex_attributes: 8,
            max_vertex_buffer_array_stride: 255,
            max_inter_stage_shader_variables: 8,
            max_color_attachments: 4,
            max_color_attachment_bytes_per_sample: 16,
            max_compute_invocations_per_workgroup: 128,
            max_compute_workgroup_size_x: 128,
            ..Limits::defaults()
        }
    }

    #[test]
    fn nothing_that_only_drawing_takes_is_asked_for() {
        for limits in [least(), raised(&Limits::defaults()), raised(&small_board())] {
            let drawing = [
                limits.max_texture_dimension_1d,
                limits.max_texture_dimension_3d,
                limits.max_bind_groups_plus_vertex_buffers,
                limits.max_sampled_textures_per_shader_stage,
                limits.max_samplers_per_shader_stage,
                limits.max_vertex_buffers,
                limits.max_vertex_attributes,
                limits.max_vertex_buffer_array_stride,
                limits.max_inter_stage_shader_variables,
                limits.max_color_attachments,
                limits.max_color_attachment_bytes_per_sample,
            ];
            assert_eq!(drawing, [0; 11]);
        }
    }

    #[test]
    fn an_adapter_that_hardly_draws_is_enough() {
        assert_eq!(lacking(&raised(&small_board()), &small_board()), None);
        let default = lacking(&Limits::defaults(), &small_board()).unwrap();
        assert!(default.contains("max_color_attachments: it offers 4, this program needs 8"), "{default}");
    }

    #[test]
    fn what_kernels_cannot_do_without_is_named() {
        let offered = Limits { max_storage_buffers_per_shader_stage: 4, ..small_board() };
        let said = lacking(&raised(&offered), &offered).unwrap();
        assert_eq!(said, "max_storage_buffers_per_shader_stage: it offers 4, this program needs 8");
    }
}
