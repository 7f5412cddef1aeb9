//! Device memory as images: an array of `vec4f`, texel after texel and row after row. Software rendering loads a texel
//! for all lanes at once where it walks over them for an element of a storage buffer.

use super::kernel::{Dispatch, Resource, Work};
use super::{Buffer, Gpu};
use crate::error::Result;

/// Binary logarithm of the texels in a row of an [`Image`]: kernels find a texel by shift and mask.
pub const IMAGE_ROW_BITS: u32 = 12;

const ROW: u64 = 1 << IMAGE_ROW_BITS;
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba32Float;

/// What reading and writing such texels in one kernel takes.
pub(super) const FEATURE: wgpu::Features = wgpu::Features::TEXTURE_ADAPTER_SPECIFIC_FORMAT_FEATURES;

/// An array of `vec4f` as an image.
pub struct Image {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
}

/// An array of `vec4f` that kernels reach by the functions of `shaders/memory`.
pub enum Vectors {
    Buffer(Buffer),
    Image(Image),
}

impl Resource for Image {
    fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::TextureView(&self.view)
    }
    fn bytes(&self) -> u64 {
        16 * ROW * u64::from(self.texture.height())
    }
}

impl Resource for Vectors {
    fn binding(&self) -> wgpu::BindingResource<'_> {
        match self {
            Vectors::Buffer(buffer) => buffer.binding(),
            Vectors::Image(image) => image.binding(),
        }
    }
    fn bytes(&self) -> u64 {
        match self {
            Vectors::Buffer(buffer) => buffer.bytes(),
            Vectors::Image(image) => image.bytes(),
        }
    }
}

impl Gpu {
    /// Whether kernels can read and write images of `vec4f`.
    pub fn has_images(&self) -> bool {
        self.device.features().contains(FEATURE)
    }

    /// Bytes that one image may hold.
    pub fn max_image(&self) -> u64 {
        16 * ROW * u64::from(self.limits().max_texture_dimension_2d)
    }

    /// Zeroed room for `count` vectors, rounded up to whole rows in an image.
    ///
    /// Fails with [`crate::error::Error::Device`] when the adapter's limits or its memory do not suffice.
    pub fn vectors(&self, name: &str, count: u64, in_image: bool) -> Result<Vectors> {
        if !in_image {
            return Ok(Vectors::Buffer(self.storage(name, 16 * count)?));
        }
        Ok(Vectors::Image(self.image(name, count)?))
    }

    fn image(&self, name: &str, texels: u64) -> Result<Image> {
        let rows = texels.div_ceil(ROW).max(1);
        let bytes = 16 * ROW * rows;
        if bytes > self.max_image() {
            let offered = format!("this adapter offers {} per image", super::health::size(self.max_image()));
            return Err(self.out_of_memory(name, bytes, &offered));
        }
        self.admit(name, bytes)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let texture = self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some(name),
            size: wgpu::Extent3d { width: ROW as u32, height: rows as u32, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            tracing::info!("{error}");
            return Err(self.out_of_memory(name, bytes, "this adapter offers no more"));
        }
        self.note_allocated(bytes);
        let view = texture.create_view(&Default::default());
        Ok(Image { texture, view })
    }

    /// A buffer of `vectors`, and the image beside it that [`Gpu::copy`] fills.
    pub fn mirrored(&self, name: &str, vectors: u64) -> Result<(Buffer, Image)> {
        let image = self.image(name, vectors)?;
        Ok((self.storage(name, image.bytes())?, image))
    }

    /// The step that copies `buffer` into its image.
    pub fn copy(&self, buffer: &Buffer, image: &Image) -> Dispatch {
        let work = Work::Copy { buffer: buffer.raw.clone(), texture: image.texture.clone() };
        Dispatch { work, label: "copy".into(), bytes: 2 * image.bytes(), flop: None, every: 1 }
    }
}

/// Records the copy of the whole of `texture` from the start of `buffer`.
pub(super) fn record_copy(encoder: &mut wgpu::CommandEncoder, buffer: &wgpu::Buffer, texture: &wgpu::Texture) {
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(16 * ROW as u32), rows_per_image: None };
    let from = wgpu::TexelCopyBufferInfo { buffer, layout };
    encoder.copy_buffer_to_texture(from, texture.as_image_copy(), texture.size());
}
