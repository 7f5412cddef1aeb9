//! A drawing as pixels, painted by tiny-skia on white ground, two per pixel of the drawing: sharp on paper and on a
//! projector.

use std::io;

use tiny_skia::{
    Color, FillRule, FilterQuality, LineCap, LineJoin, Mask, Paint as Brush, Path, PathBuilder, Pixmap, PixmapPaint,
    PremultipliedColorU8, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::bitmap::Bitmap;
use super::drawing::{Align, Drawing, Item, Point, Rect, Stroke, Text};
use super::font;
use super::paint::{Paint, Rgb};

const SCALE: f32 = 2.0;

/// Pixels, RGB, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
}

impl Image {
    /// The colour of a pixel.
    pub fn at(&self, x: u32, y: u32) -> Rgb {
        let at = 3 * (y * self.width + x) as usize;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// As the bytes of a PNG file; equal pictures give equal bytes.
    ///
    /// # Errors
    /// Only what the encoder reports; writing to memory itself does not fail.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Balanced);
        // fixed: the adaptive choice is a heuristic of the encoder and may move between its versions
        encoder.set_filter(png::Filter::Paeth);
        encoder.write_header().and_then(|mut w| w.write_image_data(&self.pixels)).map_err(io::Error::other)?;
        Ok(bytes)
    }
}

/// Paints everything.
pub fn paint(drawing: &Drawing) -> Image {
    let size = |length: f64| (length * f64::from(SCALE)).ceil().clamp(1.0, 20_000.0) as u32;
    let mut pixmap = Pixmap::new(size(drawing.width), size(drawing.height)).expect("a size within its limits");
    pixmap.fill(color(Paint::Ground, 1.0));
    drawing.items.iter().for_each(|item| paint_item(&mut pixmap, item, None));
    let pixels = pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    Image { width: pixmap.width(), height: pixmap.height(), pixels }
}

fn paint_item(pixmap: &mut Pixmap, item: &Item, mask: Option<&Mask>) {
    let place = Transform::from_scale(SCALE, SCALE);
    match item {
        Item::Lines { paths, stroke } => {
            let mut builder = PathBuilder::new();
            paths.iter().for_each(|path| trace(&mut builder, path));
            if let Some(path) = builder.finish() {
                pixmap.stroke_path(&path, &brush(stroke.paint, 1.0), &pen(*stroke), place, mask);
            }
        }
        Item::Area { outline, fill, opacity, edge } => {
            let mut builder = PathBuilder::new();
            trace(&mut builder, outline);
            builder.close();
            let Some(path) = builder.finish() else { return };
            pixmap.fill_path(&path, &brush(*fill, *opacity), FillRule::Winding, place, mask);
            if let Some(edge) = edge {
                pixmap.stroke_path(&path, &brush(edge.paint, 1.0), &pen(*edge), place, mask);
            }
        }
        Item::Text(text) => {
            for path in glyphs(text) {
                pixmap.fill_path(&path, &brush(text.paint, 1.0), FillRule::Winding, turned(text, place), mask);
            }
        }
        Item::Image { rect, bitmap } => paint_image(pixmap, *rect, bitmap, mask),
        Item::Clipped { rect, items } => {
            let window = window(pixmap, *rect);
            items.iter().for_each(|item| paint_item(pixmap, item, window.as_ref()));
        }
    }
}

fn trace(builder: &mut PathBuilder, path: &[Point]) {
    for (k, [x, y]) in path.iter().map(|at| at.map(|c| c as f32)).enumerate() {
        if k == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    if let [[x, y]] = path {
        // a round end makes a dot of it
        builder.line_to(*x as f32 + 0.01, *y as f32);
    }
}

fn color(paint: Paint, opacity: f64) -> Color {
    let [r, g, b] = paint.light();
    Color::from_rgba8(r, g, b, (255.0 * opacity).round() as u8)
}

fn brush(paint: Paint, opacity: f64) -> Brush<'static> {
    let mut brush = Brush::default();
    brush.set_color(color(paint, opacity));
    brush
}

fn pen(stroke: Stroke) -> tiny_skia::Stroke {
    let dash = stroke.dash.and_then(|lengths| StrokeDash::new(lengths.map(|length| length as f32).into(), 0.0));
    let line_cap = if dash.is_some() { LineCap::Butt } else { LineCap::Round };
    let width = stroke.width as f32;
    tiny_skia::Stroke { width, line_cap, line_join: LineJoin::Round, dash, ..tiny_skia::Stroke::default() }
}

fn window(pixmap: &Pixmap, rect: Rect) -> Option<Mask> {
    let mut mask = Mask::new(pixmap.width(), pixmap.height())?;
    let [x, y, w, h] = [rect.left, rect.top, rect.width, rect.height].map(|c| c as f32);
    let path = PathBuilder::from_rect(tiny_skia::Rect::from_xywh(x, y, w, h)?);
    mask.fill_path(&path, FillRule::Winding, false, Transform::from_scale(SCALE, SCALE));
    Some(mask)
}

fn paint_image(pixmap: &mut Pixmap, rect: Rect, bitmap: &Bitmap, mask: Option<&Mask>) {
    let Some(mut source) = Pixmap::new(bitmap.width, bitmap.height) else { return };
    let colors: Vec<PremultipliedColorU8> = Bitmap::colors(bitmap.palette)
        .into_iter()
        .map(|[r, g, b]| PremultipliedColorU8::from_rgba(r, g, b, 255).expect("opaque"))
        .collect();
    source.pixels_mut().iter_mut().zip(&bitmap.numbers).for_each(|(pixel, &k)| *pixel = colors[usize::from(k)]);
    let [left, top, width, height] = [rect.left, rect.top, rect.width, rect.height].map(|c| c as f32 * SCALE);
    let stretch = [width / bitmap.width as f32, height / bitmap.height as f32];
    let place = Transform::from_row(stretch[0], 0.0, 0.0, stretch[1], left, top);
    let how = PixmapPaint { quality: FilterQuality::Bilinear, ..PixmapPaint::default() };
    pixmap.draw_pixmap(0, 0, source.as_ref(), &how, place, mask);
}

/// A quarter turn about the text's position, if it is read upward.
fn turned(text: &Text, place: Transform) -> Transform {
    let [x, y] = text.at.map(|c| c as f32);
    if text.upward { place.pre_concat(Transform::from_rotate_at(-90.0, x, y)) } else { place }
}

fn glyphs(text: &Text) -> Vec<Path> {
    let start = match text.align {
        Align::Start => 0.0,
        Align::Middle => -0.5 * text.width(),
        Align::End => -text.width(),
    };
    let glyph = |x: f64, unit: f64| Glyph {
        origin: [(text.at[0] + start + x) as f32, text.at[1] as f32],
        unit: unit as f32,
        path: PathBuilder::new(),
    };
    font::outlines(&text.text, text.size, text.bold, glyph)
        .into_iter()
        .filter_map(|glyph| glyph.path.finish())
        .collect()
}

/// A character's outline on its way into the picture.
struct Glyph {
    origin: [f32; 2],
    unit: f32,
    path: PathBuilder,
}

impl Glyph {
    fn place(&self, x: f32, y: f32) -> [f32; 2] {
        [self.origin[0] + x * self.unit, self.origin[1] - y * self.unit]
    }
}

impl OutlineBuilder for Glyph {
    fn move_to(&mut self, x: f32, y: f32) {
        let [x, y] = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let [x, y] = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ([x1, y1], [x, y]) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ([x1, y1], [x2, y2], [x, y]) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Palette;
    use super::*;

    const WHITE: Rgb = [255; 3];

    #[test]
    fn shapes_are_where_they_should_be_and_clipped_ones_nowhere_else() {
        let mut drawing = Drawing::new(40.0, 20.0);
        let rect = Rect { left: 10.0, top: 5.0, width: 10.0, height: 10.0 };
        let red = Paint::Fixed([200, 0, 0]);
        let everywhere = Stroke::new(red, 100.0);
        let items = vec![Item::Lines { paths: vec![vec![[0.0, 10.0], [40.0, 10.0]]], stroke: everywhere }];
        drawing.items.push(Item::Clipped { rect, items });
        let image = paint(&drawing);
        assert_eq!((image.width, image.height), (80, 40));
        assert_eq!([image.at(30, 20), image.at(21, 11)], [[200, 0, 0]; 2]);
        assert_eq!([image.at(18, 20), image.at(42, 20), image.at(30, 8)], [WHITE; 3]);
    }

    #[test]
    fn text_leaves_ink_and_turns_upward() {
        let ink = |upward: bool| {
            let mut drawing = Drawing::new(60.0, 60.0);
            drawing.text(Text { upward, ..Text::label("IIIIIIII", [30.0, 30.0], Align::Start) });
            let image = paint(&drawing);
            let dark = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
                x.flat_map(|x| y.clone().map(move |y| (x, y))).any(|(x, y)| image.at(x, y)[0] < 100)
            };
            [dark(70..110, 40..60), dark(40..60, 10..50)]
        };
        assert_eq!((ink(false), ink(true)), ([true, false], [false, true]));
    }

    #[test]
    fn a_bitmap_fills_its_rectangle() {
        let bitmap = Bitmap::new(2, 1, Palette::Sequential, |x, _| if x < 0.5 { 0.0 } else { 1.0 });
        let rect = Rect { left: 5.0, top: 0.0, width: 20.0, height: 10.0 };
        let image = paint(&Drawing { width: 30.0, height: 10.0, items: vec![Item::Image { rect, bitmap }] });
        assert_eq!(image.at(11, 10), Palette::Sequential.color(0.0));
        assert_eq!(image.at(48, 10), Palette::Sequential.color(1.0));
        assert_eq!(image.at(3, 10), WHITE);
        assert_eq!(image.png().unwrap(), image.png().unwrap());
    }
}
