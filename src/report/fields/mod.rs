//! Fields as files for other programs: numbers at points, or on a grid, as CSV, as NumPy's archive, or for ParaView.
//! Like pictures, they become bytes here and touch no file system.

mod csv;
mod npz;
mod vti;

use safetensors::tensor::{Dtype, TensorView};

/// A named list of numbers, one per point.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub values: Vec<f32>,
}

impl Column {
    pub fn new(name: impl Into<String>, values: Vec<f32>) -> Column {
        Column { name: name.into(), values }
    }
}

/// A regular grid in two coordinates; node (i, j) is point number i·n₁ + j.
#[derive(Clone, Debug, PartialEq)]
pub struct Lattice {
    /// Number of nodes along the first and the second coordinate.
    pub counts: [usize; 2],
    /// First and last node of each, in physical units.
    pub ends: [[f64; 2]; 2],
}

/// What is known at some points.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// Coordinates, in the problem's order.
    pub axes: Vec<Column>,
    /// Everything else.
    pub columns: Vec<Column>,
    /// How the points lie, if they are the nodes of a grid.
    pub lattice: Option<Lattice>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Npz,
    Safetensors,
    Vti,
}

/// Extension, kind, and what is in such a file.
pub const FORMATS: [(&str, Format, &str); 4] = [
    ("csv", Format::Csv, "one line per point, coordinates first, names in the first line"),
    (
        "npz",
        Format::Npz,
        "NumPy (numpy.load): an array per column; on the grid [n0, n1], with coordinates [n0] and [n1]",
    ),
    ("safetensors", Format::Safetensors, "a tensor per column; on the grid [n0, n1], with coordinates [n0] and [n1]"),
    ("vti", Format::Vti, "ParaView and VTK (ImageData); on the grid only"),
];

impl Format {
    /// By a file name's extension; a name without one is of a safetensors file.
    ///
    /// # Errors
    /// It is none of [`FORMATS`]; the message lists them.
    pub fn of(path: &std::path::Path) -> Result<Format, String> {
        let Some(extension) = path.extension() else { return Ok(Format::Safetensors) };
        let extension = extension.to_string_lossy().to_lowercase();
        let known = FORMATS.iter().find(|(known, ..)| *known == extension);
        known.map(|(_, format, _)| *format).ok_or_else(|| {
            let list: Vec<String> = FORMATS.iter().map(|(extension, ..)| format!(".{extension}")).collect();
            format!("`.{extension}` is no format that is written: end the name with {}", list.join(", "))
        })
    }
}

impl Fields {
    /// The bytes of a file.
    ///
    /// # Errors
    /// The format cannot hold these points.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, String> {
        match format {
            Format::Csv => Ok(csv::bytes(self)),
            Format::Npz => npz::bytes(self).map_err(|e| e.to_string()),
            Format::Safetensors => self.safetensors(),
            Format::Vti => vti::bytes(self),
        }
    }

    /// Name, shape and numbers of every array: on a grid coordinates are one-dimensional and fields are [n₀, n₁].
    fn arrays(&self) -> Vec<(&str, Vec<usize>, Vec<f32>)> {
        let coordinate = |(k, axis): (usize, &Column)| match &self.lattice {
            Some(Lattice { counts: [n, m], .. }) if k < 2 => {
                let (count, stride) = if k == 0 { (*n, *m) } else { (*m, 1) };
                (vec![count], (0..count).map(|i| axis.values[i * stride]).collect())
            }
            // a grid in more axes is a slice: one number says where
            Some(_) => (vec![], axis.values[..1].to_vec()),
            None => (vec![axis.values.len()], axis.values.clone()),
        };
        let field = |column: &Column| {
            let shape = self.lattice.as_ref().map_or(vec![column.values.len()], |lattice| lattice.counts.to_vec());
            (shape, column.values.clone())
        };
        let names = self.axes.iter().chain(&self.columns).map(|column| column.name.as_str());
        let arrays = self.axes.iter().enumerate().map(coordinate).chain(self.columns.iter().map(field));
        names.zip(arrays).map(|(name, (shape, values))| (name, shape, values)).collect()
    }

    fn safetensors(&self) -> Result<Vec<u8>, String> {
        let arrays = self.arrays();
        let view = |(name, shape, values): &(&str, Vec<usize>, Vec<f32>)| {
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            ((*name).to_owned(), shape.clone(), bytes)
        };
        let arrays: Vec<_> = arrays.iter().map(view).collect();
        let views: Result<Vec<_>, _> = arrays
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect();
        let views = views.map_err(|e: safetensors::SafeTensorError| e.to_string())?;
        safetensors::serialize(views, None).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 × 3 nodes, f = 10 i + j.
    fn grid() -> Fields {
        let nodes = || (0..2u8).flat_map(|i| (0..3u8).map(move |j| (f32::from(i), f32::from(j))));
        Fields {
            axes: vec![
                Column::new("x", nodes().map(|(i, _)| i).collect()),
                Column::new("t", nodes().map(|(_, j)| 0.5 * j).collect()),
            ],
            columns: vec![Column::new("u", nodes().map(|(i, j)| 10.0 * i + j).collect())],
            lattice: Some(Lattice { counts: [2, 3], ends: [[0.0, 1.0], [0.0, 1.0]] }),
        }
    }

    #[test]
    fn names_say_the_format() {
        let of = |name: &str| Format::of(std::path::Path::new(name));
        assert_eq!(of("a/b.VTI"), Ok(Format::Vti));
        assert_eq!(of("b.tar.csv"), Ok(Format::Csv));
        assert_eq!(of("csv"), Ok(Format::Safetensors));
        for name in ["b.txt", "a.csv.gz"] {
            assert!(of(name).unwrap_err().contains(".csv, .npz, .safetensors, .vti"), "{name}");
        }
    }

    #[test]
    fn csv_has_a_line_per_point() {
        let text = String::from_utf8(grid().bytes(Format::Csv).unwrap()).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>()[..3], ["x,t,u", "0.0,0.0,0.0", "0.0,0.5,1.0"]);
        assert_eq!(text.lines().last().unwrap(), "1.0,1.0,12.0");
    }

    #[test]
    fn npz_is_a_zip_file_of_arrays() {
        let bytes = grid().bytes(Format::Npz).unwrap();
        let archive = rawzip::ZipArchive::from_slice(&bytes[..]).unwrap();
        let mut entries = archive.entries();
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            names.push(String::from_utf8_lossy(entry.file_path().as_ref()).into_owned());
            let data = archive.get_entry(entry.wayfinder()).unwrap().data().to_vec();
            assert!(data.starts_with(b"\x93NUMPY\x01\x00") && data.len() > 64);
            let header = String::from_utf8_lossy(&data[10..]).into_owned();
            let shape = ["(2,)", "(3,)", "(2,3,)"][names.len() - 1];
            assert!(header.contains(&format!("'shape': {shape}")), "{header}");
            let length = 10 + usize::from(u16::from_le_bytes([data[8], data[9]]));
            assert_eq!((length % 64, data[length - 1]), (0, b'\n'));
            let last = f32::from_le_bytes(data[data.len() - 4..].try_into().unwrap());
            assert_eq!(last, [1.0, 1.0, 12.0][names.len() - 1]);
        }
        assert_eq!(names, ["x.npy", "t.npy", "u.npy"]);
    }

    #[test]
    fn vti_is_on_a_grid_with_the_first_axis_fastest() {
        let text = String::from_utf8(grid().bytes(Format::Vti).unwrap()).unwrap();
        assert!(text.contains("WholeExtent=\"0 1 0 2 0 0\"") && text.contains("Spacing=\"1 0.5 1\""), "{text}");
        let numbers: Vec<u8> = [0.0f32, 10.0, 1.0, 11.0, 2.0, 12.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let block = [24u64.to_le_bytes().to_vec(), numbers].concat();
        assert!(text.contains(&super::super::html::base64(&block)), "{text}");
        let scattered = Fields { lattice: None, ..grid() };
        assert!(scattered.bytes(Format::Vti).unwrap_err().contains("--points"));
    }

    #[test]
    fn tensors_have_the_shapes_of_the_grid() {
        let bytes = grid().bytes(Format::Safetensors).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("u").unwrap().shape(), [2, 3]);
        assert_eq!(file.tensor("t").unwrap().shape(), [3]);
        let scattered = Fields { lattice: None, ..grid() }.bytes(Format::Safetensors).unwrap();
        let file = safetensors::SafeTensors::deserialize(&scattered).unwrap();
        assert_eq!(file.tensor("t").unwrap().shape(), [6]);
    }
}
