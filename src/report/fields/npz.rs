//! NumPy's archive: a zip file without compression, with one `.npy` file per array (format version 1.0).

use std::io::Write;

use rawzip::{CompressionMethod, Error, ZipArchiveWriter};

use super::Fields;

pub(super) fn bytes(fields: &Fields) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, shape, values) in fields.arrays() {
        let file = archive.new_file(format!("{name}.npy"));
        let (mut entry, config) = file.compression_method(CompressionMethod::STORE).start()?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(&npy(&shape, &values))?;
        let (_, descriptor) = writer.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()?;
    Ok(bytes)
}

/// Magic number, version, and a dictionary in Python's spelling, padded to 64 bytes; then the numbers, little-endian,
/// last index fastest.
fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let lengths: String = shape.iter().map(|length| format!("{length},")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({lengths}), }}");
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = padded - 1).bytes());
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}
