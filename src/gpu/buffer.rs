//! Device memory as flat arrays of plain numbers.

use super::Gpu;
use super::kernel::Resource;
use crate::error::{Error, Result};

/// A device buffer with its name (shown in errors) and size in bytes.
pub struct Buffer {
    pub(super) raw: wgpu::Buffer,
    name: String,
    /// What kernels see of it: all that was asked for and nothing more, so that `arrayLength` counts elements.
    seen: u64,
}

impl Buffer {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.raw.size()
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Buffer {
    fn binding(&self) -> wgpu::BindingResource<'_> {
        let size = wgpu::BufferSize::new(self.seen);
        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &self.raw, offset: 0, size })
    }
    fn bytes(&self) -> u64 {
        self.size()
    }
}

impl Gpu {
    /// A zeroed storage buffer of `bytes` bytes, readable and writable from the host. It takes whole units of 16 bytes,
    /// but kernels are bound to what was asked for, rounded up to a word.
    ///
    /// Fails with [`Error::Device`] when the adapter's binding limit or its memory does not suffice.
    pub fn storage(&self, name: &str, bytes: u64) -> Result<Buffer> {
        let limit = self.limits().max_storage_buffer_binding_size.min(self.limits().max_buffer_size);
        if bytes > limit {
            let offered = format!("this adapter offers {} per buffer", super::health::size(limit));
            return Err(self.out_of_memory(name, bytes, &offered));
        }
        let buffer = self.allocate(name, bytes, wgpu::BufferUsages::STORAGE)?;
        Ok(Buffer { seen: bytes.max(4).next_multiple_of(4), ..buffer })
    }

    /// A storage buffer holding `data`.
    pub fn storage_with<T: bytemuck::NoUninit>(&self, name: &str, data: &[T]) -> Result<Buffer> {
        let buffer = self.storage(name, std::mem::size_of_val(data) as u64)?;
        self.write(&buffer, data);
        Ok(buffer)
    }

    /// A uniform buffer holding `bytes`, already laid out by `encase`.
    pub fn uniform(&self, name: &str, bytes: &[u8]) -> Result<Buffer> {
        let buffer = self.allocate(name, bytes.len() as u64, wgpu::BufferUsages::UNIFORM)?;
        self.write(&buffer, bytes);
        Ok(buffer)
    }

    pub(super) fn allocate(&self, name: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<Buffer> {
        self.admit(name, bytes)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let raw = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(name),
            size: bytes.max(16).next_multiple_of(16),
            usage: usage | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            tracing::info!("{error}");
            return Err(self.out_of_memory(name, bytes, "this adapter offers no more"));
        }
        self.note_allocated(raw.size());
        Ok(Buffer { seen: raw.size(), raw, name: name.to_owned() })
    }

    /// Copies `data` to the start of `buffer`.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &Buffer, data: &[T]) {
        if !data.is_empty() && self.go_on().is_ok() {
            self.queue.write_buffer(&buffer.raw, 0, bytemuck::cast_slice(data));
        }
    }

    /// Reads the first `count` elements of `buffer` back, after all submitted work.
    pub fn read<T: bytemuck::Pod>(&self, buffer: &Buffer, count: usize) -> Result<Vec<T>> {
        self.go_on()?;
        let bytes = (count * size_of::<T>()) as u64;
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: bytes.next_multiple_of(4).max(4),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&buffer.raw, 0, &staging, 0, staging.size().min(buffer.size()));
        self.queue.submit([encoder.finish()]);
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            let _ = sender.send(result);
        });
        self.wait()?;
        match receiver.recv() {
            Ok(Ok(())) => {}
            _ => return Err(Error::DeviceLost(format!("buffer `{}` could not be read back", buffer.name))),
        }
        let view = staging
            .slice(..)
            .get_mapped_range()
            .map_err(|e| Error::Device(format!("buffer `{}` could not be read back: {e}", buffer.name)))?;
        Ok(bytemuck::pod_collect_to_vec(&view[..bytes as usize]))
    }
}
