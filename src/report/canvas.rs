//! An RGB canvas with anti-aliased strokes and convex fills. Not a general rasteriser: coverage is taken from the
//! distance of a pixel's centre to the shape, which is exact enough for lines, markers and glyphs of our size.

use image::{Rgb, RgbImage};

use super::Figure;

/// 8-bit sRGB.
pub type Color = [u8; 3];
/// A position in pixels from the top left corner, y downward; pixel (0, 0) has its centre at (0.5, 0.5).
pub type Point = [f32; 2];

/// Pixels `left..right` × `top..bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// One past the last column.
    pub right: i32,
    /// One past the last row.
    pub bottom: i32,
}

impl Rect {
    /// The rectangle with the given corner, width and height in pixels.
    pub fn new(left: i32, top: i32, width: i32, height: i32) -> Self {
        Self { left, top, right: left + width.max(0), bottom: top + height.max(0) }
    }

    /// Columns in the rectangle.
    pub fn width(&self) -> i32 {
        self.right.saturating_sub(self.left).max(0)
    }

    /// Rows in the rectangle.
    pub fn height(&self) -> i32 {
        self.bottom.saturating_sub(self.top).max(0)
    }

    /// The pixels that belong to both.
    pub fn intersect(&self, other: &Rect) -> Rect {
        Rect {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// The pixels within `margin` of the given points.
    fn around(points: &[Point], margin: f32) -> Rect {
        let mut bounds = [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY];
        for &[x, y] in points {
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
        // `as` saturates: infinite bounds of an empty list give an empty rectangle.
        Rect {
            left: (bounds[0] - margin).floor() as i32,
            top: (bounds[1] - margin).floor() as i32,
            right: (bounds[2] + margin).ceil() as i32,
            bottom: (bounds[3] + margin).ceil() as i32,
        }
    }
}

/// What to paint with: a colour and its opacity in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// The colour.
    pub color: Color,
    /// 1 covers, 0 paints nothing.
    pub alpha: f32,
}

impl From<Color> for Ink {
    fn from(color: Color) -> Self {
        Ink { color, alpha: 1.0 }
    }
}

/// The picture under construction.
pub struct Canvas {
    image: RgbImage,
    clip: Rect,
}

impl Canvas {
    /// A white canvas of the given size in pixels.
    pub fn new(width: i32, height: i32) -> Self {
        let [width, height] = [width.max(1), height.max(1)];
        let image = RgbImage::from_pixel(width as u32, height as u32, Rgb([255; 3]));
        Self { image, clip: Rect::new(0, 0, width, height) }
    }

    /// The whole canvas.
    pub fn bounds(&self) -> Rect {
        Rect::new(0, 0, self.image.width() as i32, self.image.height() as i32)
    }

    /// Restricts everything painted from now on to `rect`.
    pub fn set_clip(&mut self, rect: Rect) {
        self.clip = rect.intersect(&self.bounds());
    }

    /// The finished picture.
    pub fn into_figure(self) -> Figure {
        Figure { image: self.image }
    }

    /// The colour of a pixel; white outside the canvas.
    pub fn pixel(&self, x: i32, y: i32) -> Color {
        let inside = x >= 0 && y >= 0 && x < self.bounds().right && y < self.bounds().bottom;
        if inside { self.image.get_pixel(x as u32, y as u32).0 } else { [255; 3] }
    }

    /// Mixes a colour into one pixel; outside the clip nothing happens.
    pub fn blend(&mut self, x: i32, y: i32, ink: Ink, coverage: f32) {
        let clip = self.clip;
        if x < clip.left || y < clip.top || x >= clip.right || y >= clip.bottom {
            return;
        }
        let weight = (ink.alpha * coverage).clamp(0.0, 1.0);
        let pixel = self.image.get_pixel_mut(x as u32, y as u32);
        for (old, new) in pixel.0.iter_mut().zip(ink.color) {
            let mixed = f32::from(*old) + weight * (f32::from(new) - f32::from(*old));
            *old = mixed.round() as u8;
        }
    }

    /// Fills whole pixels.
    pub fn fill(&mut self, rect: Rect, ink: impl Into<Ink>) {
        let (rect, ink) = (rect.intersect(&self.clip), ink.into());
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                self.blend(x, y, ink, 1.0);
            }
        }
    }

    /// Strokes polylines of one width in pixels with round joints and ends. They are painted as one shape, so that
    /// a translucent stroke is not darker where pieces meet or cross. A path of one point is a dot.
    pub fn stroke(&mut self, paths: &[Vec<Point>], width: f32, ink: impl Into<Ink>) {
        let (reach, ink) = (0.5 * width + 0.5, ink.into());
        let finite = |path: &&Vec<Point>| path.iter().flatten().all(|c| c.is_finite());
        let all: Vec<Point> = paths.iter().filter(finite).flatten().copied().collect();
        let area = Rect::around(&all, reach).intersect(&self.clip);
        let columns = area.width() as usize;
        let mut coverage = vec![0.0f32; columns * area.height() as usize];
        for path in paths.iter().filter(finite) {
            for k in 0..path.len() {
                let (a, b) = (path[k], path[(k + 1).min(path.len() - 1)]);
                if k > 0 && k + 1 == path.len() {
                    continue;
                }
                let local = Rect::around(&[a, b], reach).intersect(&area);
                for y in local.top..local.bottom {
                    let row = (y - area.top) as usize * columns;
                    for x in local.left..local.right {
                        let distance = distance_to_segment([x as f32 + 0.5, y as f32 + 0.5], a, b);
                        let cell = &mut coverage[row + (x - area.left) as usize];
                        *cell = cell.max((reach - distance).clamp(0.0, 1.0) * width.min(1.0));
                    }
                }
            }
        }
        self.apply(area, &coverage, ink);
    }

    fn apply(&mut self, area: Rect, coverage: &[f32], ink: Ink) {
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                let at = (y - area.top) as usize * area.width() as usize + (x - area.left) as usize;
                if coverage[at] > 0.0 {
                    self.blend(x, y, ink, coverage[at]);
                }
            }
        }
    }

    /// Fills a convex polygon given in either sense of rotation.
    pub fn convex(&mut self, corners: &[Point], ink: impl Into<Ink>) {
        let ink = ink.into();
        let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
        let sense = edges().map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f32>().signum();
        let area = Rect::around(corners, 1.0).intersect(&self.clip);
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                let [px, py] = [x as f32 + 0.5, y as f32 + 0.5];
                let depth = edges().map(|(a, b)| {
                    let [ex, ey] = [b[0] - a[0], b[1] - a[1]];
                    sense * (ex * (py - a[1]) - ey * (px - a[0])) / ex.hypot(ey).max(1e-6)
                });
                let coverage = (depth.fold(f32::INFINITY, f32::min) + 0.5).clamp(0.0, 1.0);
                self.blend(x, y, ink, coverage);
            }
        }
    }
}

fn distance_to_segment([px, py]: Point, a: Point, b: Point) -> f32 {
    let [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    let length2 = dx * dx + dy * dy;
    let along = if length2 > 0.0 { ((px - a[0]) * dx + (py - a[1]) * dy) / length2 } else { 0.0 };
    let t = along.clamp(0.0, 1.0);
    let [ex, ey] = [px - a[0] - t * dx, py - a[1] - t * dy];
    (ex * ex + ey * ey).sqrt()
}

/// Cuts a polyline into dashes of `on` pixels separated by `off` pixels.
pub fn dashes(path: &[Point], on: f32, off: f32) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let (mut drawing, mut left) = (true, on);
    let mut piece: Vec<Point> = path.first().copied().into_iter().collect();
    for pair in path.windows(2) {
        let (mut a, b) = (pair[0], pair[1]);
        let mut length = (b[0] - a[0]).hypot(b[1] - a[1]);
        while length > left {
            let t = left / length;
            a = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
            length -= left;
            if drawing {
                piece.push(a);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![a];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length;
        if drawing {
            piece.push(b);
        }
    }
    pieces.extend((!piece.is_empty()).then_some(piece));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Color = [0; 3];

    #[test]
    fn a_stroke_covers_its_line_and_respects_the_clip() {
        let mut canvas = Canvas::new(20, 10);
        canvas.set_clip(Rect::new(0, 0, 10, 10));
        canvas.stroke(&[vec![[2.0, 5.5], [18.0, 5.5]]], 1.0, BLACK);
        assert_eq!(canvas.pixel(5, 5), BLACK);
        assert_eq!(canvas.pixel(5, 3), [255; 3]);
        assert_eq!(canvas.pixel(12, 5), [255; 3]);
    }

    #[test]
    fn nothing_odd_panics() {
        let mut canvas = Canvas::new(0, -4);
        canvas.stroke(&[vec![], vec![[f32::NAN, 1.0]], vec![[0.0, 0.0], [1e30, -1e30]]], 2.0, BLACK);
        canvas.convex(&[], BLACK);
        canvas.convex(&[[0.0, 0.0]; 3], BLACK);
        canvas.fill(Rect::new(-5, -5, 100, 100), BLACK);
        assert_eq!(canvas.pixel(0, 0), BLACK);
    }

    #[test]
    fn dashes_keep_the_length() {
        let pieces = dashes(&[[0.0, 0.0], [10.0, 0.0], [10.0, 13.0]], 4.0, 2.0);
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces[0], vec![[0.0, 0.0], [4.0, 0.0]]);
        assert_eq!(pieces[3], vec![[10.0, 8.0], [10.0, 12.0]]);
    }
}
