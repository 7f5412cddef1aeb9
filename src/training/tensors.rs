//! Writing safetensors so that the same content has the same bytes; the crate of that name orders metadata at
//! random. Reading is left to that crate.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::tensor::Dtype;
use serde_json::{Map, Value, json};

/// One tensor of a file: little-endian numbers in row-major order.
pub struct Tensor<'a> {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Cow<'a, [u8]>,
}

/// The bytes of a file with these tensors, wide numbers first, then by name.
pub fn serialize(tensors: &[Tensor], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut order: Vec<&Tensor> = tensors.iter().collect();
    order.sort_by(|a, b| b.dtype.bitsize().cmp(&a.dtype.bitsize()).then_with(|| a.name.cmp(&b.name)));
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut end = 0;
    for tensor in &order {
        let start = end;
        end += tensor.bytes.len();
        let entry = json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end]});
        header.insert(tensor.name.clone(), entry);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    // the numbers begin at a multiple of eight
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    order.iter().for_each(|tensor| bytes.extend_from_slice(&tensor.bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn the_crate_reads_what_is_written() {
        let tensor = |name: &str, dtype, shape: &[usize], bytes: Vec<u8>| Tensor {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            bytes: bytes.into(),
        };
        let tensors = [
            tensor("b", Dtype::F32, &[1, 2], vec![1; 8]),
            tensor("wide", Dtype::F64, &[1], vec![2; 8]),
            tensor("a", Dtype::F32, &[1], vec![3; 4]),
            tensor("none", Dtype::F64, &[0, 3], vec![]),
        ];
        let metadata = BTreeMap::from([("key".to_owned(), "\"quoted\"".to_owned())]);
        let bytes = serialize(&tensors, &metadata);
        let read = SafeTensors::deserialize(&bytes).unwrap();
        for tensor in &tensors {
            let view = read.tensor(&tensor.name).unwrap();
            assert_eq!((view.dtype(), view.shape(), view.data()), (tensor.dtype, &*tensor.shape, &*tensor.bytes));
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["key"], "\"quoted\"");
        assert_eq!(bytes, serialize(&tensors, &metadata));
    }
}
