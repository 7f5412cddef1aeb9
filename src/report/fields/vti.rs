//! VTK's ImageData in XML, which ParaView opens: numbers in Base64 behind their length, the first coordinate fastest.

use super::super::html::{base64, escape};
use super::{Fields, Lattice};

pub(super) fn bytes(fields: &Fields) -> Result<Vec<u8>, String> {
    let Some(lattice) = &fields.lattice else {
        return Err("a .vti file holds a grid: leave --points out, or write .csv, .npz or .safetensors".into());
    };
    let Lattice { counts: [n, m], ends } = lattice;
    let spacing = |k: usize| (ends[k][1] - ends[k][0]) / (lattice.counts[k].max(2) - 1) as f64;
    let extent = format!("0 {} 0 {} 0 0", n - 1, m - 1);
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n\
         <VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"LittleEndian\" header_type=\"UInt64\">\n\
         <ImageData WholeExtent=\"{extent}\" Origin=\"{} {} 0\" Spacing=\"{} {} 1\">\n<Piece Extent=\"{extent}\">\n",
        ends[0][0],
        ends[1][0],
        spacing(0),
        spacing(1)
    );
    let scalars =
        fields.columns.first().map_or(String::new(), |column| format!(" Scalars=\"{}\"", escape(&column.name)));
    text += &format!("<PointData{scalars}>\n");
    for column in &fields.columns {
        let turned = (0..*m).flat_map(|j| (0..*n).map(move |i| (i, j))).map(|(i, j)| column.values[i * m + j]);
        let mut bytes = (4 * (n * m) as u64).to_le_bytes().to_vec();
        bytes.extend(turned.flat_map(f32::to_le_bytes));
        text += &format!(
            "<DataArray type=\"Float32\" Name=\"{}\" format=\"binary\">{}</DataArray>\n",
            escape(&column.name),
            base64(&bytes)
        );
    }
    text += "</PointData>\n</Piece>\n</ImageData>\n</VTKFile>\n";
    Ok(text.into_bytes())
}
