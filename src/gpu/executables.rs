//! What a Vulkan driver's compiler says of the kernels it made: registers, spills, waves, instructions. Drivers report it
//! through VK_KHR_pipeline_executable_properties, each under names of its own.
//!
//! wgpu does not pass this extension on, so kernels are compiled once more on an instance and a device of our own, from the
//! SPIR-V that wgpu would hand over. Nothing runs here: a driver that compiles for a card that is not there serves as well.

use serde_json::Value;

use crate::error::{Error, Result};

/// A program that the driver made of a kernel; most make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Executable {
    /// As the driver calls it.
    pub name: String,
    /// Threads that execute together.
    pub subgroup: u32,
    /// Everything the driver reports, by its own names.
    pub statistics: Vec<(String, Value)>,
}

/// What one driver says of several kernels.
pub struct Reports {
    pub device: String,
    pub driver: String,
    /// Of each kernel in turn.
    pub kernels: Vec<Vec<Executable>>,
}

/// Has the Vulkan device whose name contains `device`, or that has this number, compile `kernels`, each an entry point with its
/// text, and asks what became of them. `checked` keeps the shader compiler's runtime checks.
///
/// # Errors
/// [`Error::NoAdapter`] where there is no such device or its driver does not report; [`Error::Kernel`] where it cannot compile.
#[cfg(not(any(windows, target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub fn reports(_device: Option<&str>, _checked: bool, _kernels: &[(&str, &str)]) -> Result<Reports> {
    Err(Error::NoAdapter("this system has no Vulkan, which compilers report through: leave --driver out".into()))
}

#[cfg(any(windows, target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub use vulkan::reports;

#[cfg(any(windows, target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod vulkan {
    use std::ffi::CString;

    use ash::vk;
    use wgpu::naga;

    use super::{Error, Executable, Reports, Result, Value};
    use crate::gpu::Reflection;

    /// See the function of this name for other systems.
    #[allow(missing_docs)]
    pub fn reports(device: Option<&str>, checked: bool, kernels: &[(&str, &str)]) -> Result<Reports> {
        let compiler = Compiler::open(device)?;
        let kernels =
            kernels.iter().map(|(label, text)| compiler.report(label, text, checked)).collect::<Result<_>>()?;
        Ok(Reports { device: compiler.device_name.clone(), driver: compiler.driver.clone(), kernels })
    }

    /// A Vulkan device that compiles and reports.
    struct Compiler {
        instance: ash::Instance,
        device: ash::Device,
        executables: ash::khr::pipeline_executable_properties::Device,
        device_name: String,
        driver: String,
        /// Keeps the library loaded.
        _entry: ash::Entry,
    }

    impl Drop for Compiler {
        fn drop(&mut self) {
            // SAFETY: both were made in `open`, and `report` leaves nothing behind on the device
            unsafe {
                self.device.destroy_device(None);
                self.instance.destroy_instance(None);
            }
        }
    }

    fn no_adapter(what: &str) -> impl Fn(vk::Result) -> Error + '_ {
        move |error| Error::NoAdapter(format!("{what}: {error}; see `acr-pinn-gpu doctor`"))
    }

    fn text(bytes: &[std::ffi::c_char]) -> String {
        let bytes: Vec<u8> = bytes.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A physical device as it is chosen from.
    struct Candidate {
        handle: vk::PhysicalDevice,
        name: String,
        kind: vk::PhysicalDeviceType,
        version: u32,
        reports: bool,
    }

    fn candidates(instance: &ash::Instance) -> Result<Vec<Candidate>> {
        // SAFETY: the instance lives, and every handle is one of its own
        let describe = |handle: vk::PhysicalDevice| unsafe {
            let properties = instance.get_physical_device_properties(handle);
            let extensions = instance.enumerate_device_extension_properties(handle).unwrap_or_default();
            let reports = |extension: &vk::ExtensionProperties| {
                extension.extension_name_as_c_str() == Ok(ash::khr::pipeline_executable_properties::NAME)
            };
            Candidate {
                handle,
                name: text(&properties.device_name),
                kind: properties.device_type,
                version: properties.api_version,
                reports: properties.api_version >= vk::API_VERSION_1_1 && extensions.iter().any(reports),
            }
        };
        // SAFETY: as above
        let handles = unsafe { instance.enumerate_physical_devices() };
        Ok(handles.map_err(no_adapter("Vulkan lists no devices"))?.into_iter().map(describe).collect())
    }

    /// The device that `wanted` names or numbers; among several the best kind, as everywhere, those that report before others.
    fn choose(all: Vec<Candidate>, wanted: Option<&str>) -> Result<Candidate> {
        let names = all.iter().map(|candidate| format!("`{}`", candidate.name)).collect::<Vec<_>>().join(", ");
        let contains = |name: &str| wanted.is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()));
        let number =
            wanted.and_then(|text| text.parse::<usize>().ok()).filter(|_| !all.iter().any(|c| contains(&c.name)));
        let order = [
            vk::PhysicalDeviceType::DISCRETE_GPU,
            vk::PhysicalDeviceType::INTEGRATED_GPU,
            vk::PhysicalDeviceType::VIRTUAL_GPU,
            vk::PhysicalDeviceType::CPU,
        ];
        let rank = |kind| order.iter().position(|known| *known == kind).unwrap_or(order.len());
        let matching = all
            .into_iter()
            .enumerate()
            .filter(|(i, candidate)| number.map_or_else(|| contains(&candidate.name), |number| *i == number))
            .min_by_key(|(_, candidate)| (!candidate.reports, rank(candidate.kind)));
        let Some((_, chosen)) = matching else {
            let found = if names.is_empty() { "none".to_owned() } else { names };
            return Err(Error::NoAdapter(match wanted {
                Some(name) => format!("no Vulkan device's name contains `{name}`; found {found}"),
                None => format!("no Vulkan device found: {found}; install a Vulkan driver, see `acr-pinn-gpu doctor`"),
            }));
        };
        if !chosen.reports {
            return Err(Error::NoAdapter(format!(
                "the driver of `{}` does not report what it makes of kernels (it has no VK_KHR_pipeline_executable_properties): \
                 choose another with --adapter, or leave --driver out",
                chosen.name
            )));
        }
        Ok(chosen)
    }

    impl Compiler {
        fn open(wanted: Option<&str>) -> Result<Compiler> {
            // SAFETY: the system's Vulkan loader is what wgpu loads as well
            let entry = unsafe { ash::Entry::load() }.map_err(|error| {
                Error::NoAdapter(format!(
                    "no Vulkan loader: {error}; install a Vulkan driver, see `acr-pinn-gpu doctor`"
                ))
            })?;
            let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
            let description = vk::InstanceCreateInfo::default().application_info(&application);
            // SAFETY: everything that the structures point to outlives the calls, here and below
            let instance =
                unsafe { entry.create_instance(&description, None) }.map_err(no_adapter("Vulkan does not start"))?;
            match Compiler::on(&entry, &instance, wanted) {
                Ok((device, device_name, driver)) => {
                    let executables = ash::khr::pipeline_executable_properties::Device::new(&instance, &device);
                    Ok(Compiler { instance, device, executables, device_name, driver, _entry: entry })
                }
                Err(error) => {
                    // SAFETY: nothing has been made of it
                    unsafe { instance.destroy_instance(None) };
                    Err(error)
                }
            }
        }

        /// A device of `instance`, with its name and that of its driver.
        fn on(_: &ash::Entry, instance: &ash::Instance, wanted: Option<&str>) -> Result<(ash::Device, String, String)> {
            let chosen = choose(candidates(instance)?, wanted)?;
            let mut driver = vk::PhysicalDeviceDriverProperties::default();
            if chosen.version >= vk::API_VERSION_1_2 {
                let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
                // SAFETY: both structures are of this version
                unsafe { instance.get_physical_device_properties2(chosen.handle, &mut properties) };
            }
            let driver = [text(&driver.driver_name), text(&driver.driver_info)].join(" ").trim().to_owned();
            let queues = [vk::DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&[1.0])];
            let extensions = [ash::khr::pipeline_executable_properties::NAME.as_ptr()];
            let mut reporting =
                vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default().pipeline_executable_info(true);
            let description = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&extensions)
                .push_next(&mut reporting);
            // SAFETY: the handle is of this instance, and the extension is there
            let device = unsafe { instance.create_device(chosen.handle, &description, None) };
            let device = device.map_err(no_adapter(&format!("`{}` cannot be opened", chosen.name)))?;
            Ok((device, chosen.name, driver))
        }

        fn report(&self, label: &str, wgsl: &str, checked: bool) -> Result<Vec<Executable>> {
            let words = spirv(label, wgsl, checked)?;
            let bindings: Vec<_> =
                Reflection::of(label, wgsl)?.bindings.iter().map(|b| layout(b.index, &b.kind)).collect();
            let entry = CString::new(label).map_err(|_| kernel_error(label, "its name has a zero in it"))?;
            let mut set = vk::DescriptorSetLayout::null();
            let mut layout = vk::PipelineLayout::null();
            let mut module = vk::ShaderModule::null();
            let mut pipeline = vk::Pipeline::null();
            let device = &self.device;
            // SAFETY: the module is naga's, made of a text that it has validated; the layout has all that the text binds
            let result = (|| unsafe {
                let description = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
                set = device.create_descriptor_set_layout(&description, None)?;
                let sets = [set];
                layout =
                    device.create_pipeline_layout(&vk::PipelineLayoutCreateInfo::default().set_layouts(&sets), None)?;
                module = device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(&words), None)?;
                let stage = vk::PipelineShaderStageCreateInfo::default()
                    .stage(vk::ShaderStageFlags::COMPUTE)
                    .module(module)
                    .name(&entry);
                let description = vk::ComputePipelineCreateInfo::default()
                    .flags(vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR)
                    .layout(layout)
                    .stage(stage);
                let made = device.create_compute_pipelines(vk::PipelineCache::null(), &[description], None);
                pipeline = made.map_err(|(_, error)| error)?[0];
                self.executables_of(pipeline)
            })();
            // SAFETY: what was not made is null, which these functions take
            unsafe {
                device.destroy_pipeline(pipeline, None);
                device.destroy_shader_module(module, None);
                device.destroy_pipeline_layout(layout, None);
                device.destroy_descriptor_set_layout(set, None);
            }
            result.map_err(|error: vk::Result| kernel_error(label, &format!("the driver refuses it: {error}")))
        }

        /// # Safety
        /// The pipeline must be one of this device's that captures statistics.
        unsafe fn executables_of(&self, pipeline: vk::Pipeline) -> ash::prelude::VkResult<Vec<Executable>> {
            let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
            // SAFETY: promised by the caller
            let properties = unsafe { self.executables.get_pipeline_executable_properties(&info) }?;
            let of = |(index, properties): (usize, &vk::PipelineExecutablePropertiesKHR)| {
                let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(index as u32);
                // SAFETY: as above
                let statistics = unsafe { self.executables.get_pipeline_executable_statistics(&info) }?;
                Ok(Executable {
                    name: text(&properties.name),
                    subgroup: properties.subgroup_size,
                    statistics: statistics.iter().map(|found| (text(&found.name), value(found))).collect(),
                })
            };
            properties.iter().enumerate().map(of).collect()
        }
    }

    fn value(found: &vk::PipelineExecutableStatisticKHR) -> Value {
        // SAFETY: the format says which field is there
        unsafe {
            match found.format {
                vk::PipelineExecutableStatisticFormatKHR::BOOL32 => (found.value.b32 != 0).into(),
                vk::PipelineExecutableStatisticFormatKHR::INT64 => found.value.i64.into(),
                vk::PipelineExecutableStatisticFormatKHR::UINT64 => found.value.u64.into(),
                _ => found.value.f64.into(),
            }
        }
    }

    fn layout(index: u32, kind: &wgpu::BindingType) -> vk::DescriptorSetLayoutBinding<'static> {
        let kind = match kind {
            wgpu::BindingType::Buffer { ty: wgpu::BufferBindingType::Uniform, .. } => {
                vk::DescriptorType::UNIFORM_BUFFER
            }
            wgpu::BindingType::Buffer { .. } => vk::DescriptorType::STORAGE_BUFFER,
            _ => vk::DescriptorType::STORAGE_IMAGE,
        };
        vk::DescriptorSetLayoutBinding::default()
            .binding(index)
            .descriptor_type(kind)
            .descriptor_count(1)
            .stage_flags(vk::ShaderStageFlags::COMPUTE)
    }

    fn kernel_error(label: &str, what: &str) -> Error {
        Error::Kernel { kernel: label.to_owned(), what: what.to_owned() }
    }

    /// As wgpu translates it for a Vulkan driver.
    fn spirv(label: &str, wgsl: &str, checked: bool) -> Result<Vec<u32>> {
        use naga::back::spv;
        let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| kernel_error(label, &e.emit_to_string(wgsl)))?;
        let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all())
            .validate(&module)
            .map_err(|e| kernel_error(label, &e.emit_to_string(wgsl)))?;
        let policy =
            if checked { naga::proc::BoundsCheckPolicy::Restrict } else { naga::proc::BoundsCheckPolicy::Unchecked };
        let options = spv::Options {
            lang_version: (1, 3),
            flags: spv::WriterFlags::empty(),
            bounds_check_policies: naga::proc::BoundsCheckPolicies {
                index: policy,
                buffer: policy,
                image_load: policy,
                binding_array: policy,
            },
            zero_initialize_workgroup_memory: match checked {
                true => spv::ZeroInitializeWorkgroupMemoryMode::Polyfill,
                false => spv::ZeroInitializeWorkgroupMemoryMode::None,
            },
            force_loop_bounding: checked,
            ..Default::default()
        };
        let entry = spv::PipelineOptions { shader_stage: naga::ShaderStage::Compute, entry_point: label.to_owned() };
        spv::write_vec(&module, &info, &options, Some(&entry)).map_err(|e| kernel_error(label, &e.to_string()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn candidate(name: &str, kind: vk::PhysicalDeviceType, reports: bool) -> Candidate {
            Candidate {
                handle: vk::PhysicalDevice::null(),
                name: name.into(),
                kind,
                version: vk::API_VERSION_1_3,
                reports,
            }
        }

        #[test]
        fn devices_are_chosen_by_name_or_number_and_those_that_report_come_first() {
            let all = || {
                vec![
                    candidate("llvmpipe", vk::PhysicalDeviceType::CPU, false),
                    candidate("Radeon 7900", vk::PhysicalDeviceType::DISCRETE_GPU, true),
                    candidate("Intel Arc", vk::PhysicalDeviceType::INTEGRATED_GPU, true),
                ]
            };
            let name = |wanted| choose(all(), wanted).map(|chosen| chosen.name).map_err(|error| error.to_string());
            assert_eq!(name(None).unwrap(), "Radeon 7900");
            assert_eq!(name(Some("arc")).unwrap(), "Intel Arc");
            assert_eq!(name(Some("2")).unwrap(), "Intel Arc");
            assert_eq!(name(Some("79")).unwrap(), "Radeon 7900");
            assert!(name(Some("pipe")).unwrap_err().contains("does not report"));
            assert!(name(Some("none")).unwrap_err().contains("`Intel Arc`"));
        }

        #[test]
        fn a_kernel_becomes_spirv_with_and_without_checks() {
            let text = "@group(0) @binding(0) var<storage, read_write> a: array<f32>;\n\
                        @compute @workgroup_size(32) fn twice(@builtin(local_invocation_index) i: u32) { a[i] *= 2.0; }";
            let [plain, checked] = [false, true].map(|checked| spirv("twice", text, checked).unwrap());
            assert_eq!(plain[0], 0x0723_0203);
            assert!(checked.len() > plain.len(), "checks take instructions");
        }

        #[test]
        fn names_end_at_the_first_zero() {
            let name = c"VGPRs";
            let bytes: Vec<_> = name.to_bytes_with_nul().iter().map(|&b| b as std::ffi::c_char).collect();
            assert_eq!(text(&bytes), "VGPRs");
        }
    }
}
