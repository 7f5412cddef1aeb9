//! A picture as a list of shapes: what [`svg`](super::svg) writes for pages and [`raster`](super::raster) paints for PNG
//! files. Positions are in pixels, y downward.

use super::bitmap::Bitmap;
use super::font;
use super::paint::Paint;

/// A position in the picture.
pub type Point = [f64; 2];

/// An upright rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    pub paint: Paint,
    pub width: f64,
    /// Lengths of dash and gap.
    pub dash: Option<[f64; 2]>,
}

impl Stroke {
    /// A solid line.
    pub fn new(paint: Paint, width: f64) -> Stroke {
        Stroke { paint, width, dash: None }
    }
}

/// Which end of a text its position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Start,
    Middle,
    End,
}

/// A line of text; `at` is on its baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub text: String,
    pub at: Point,
    /// Pixels per em.
    pub size: f64,
    pub bold: bool,
    pub align: Align,
    /// Turned to the left by a quarter, to be read upward.
    pub upward: bool,
    pub paint: Paint,
}

/// One shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Several lines of one kind.
    Lines {
        paths: Vec<Vec<Point>>,
        stroke: Stroke,
    },
    /// The inside of a closed outline, and its edge.
    Area {
        outline: Vec<Point>,
        fill: Paint,
        opacity: f64,
        edge: Option<Stroke>,
    },
    Text(Text),
    /// Pixels stretched over a rectangle; a second palette serves dark ground.
    Image {
        rect: Rect,
        bitmap: Bitmap,
    },
    /// Shapes of which only what lies in the rectangle is seen.
    Clipped {
        rect: Rect,
        items: Vec<Item>,
    },
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub width: f64,
    pub height: f64,
    pub items: Vec<Item>,
}

impl Drawing {
    /// An empty picture.
    pub fn new(width: f64, height: f64) -> Drawing {
        Drawing { width, height, items: Vec::new() }
    }

    /// One straight line.
    pub fn line(&mut self, from: Point, to: Point, stroke: Stroke) {
        self.items.push(Item::Lines { paths: vec![vec![from, to]], stroke });
    }

    /// The edge of a rectangle.
    pub fn frame(&mut self, rect: Rect, stroke: Stroke) {
        let mut outline = corners(rect);
        outline.push(outline[0]);
        self.items.push(Item::Lines { paths: vec![outline], stroke });
    }

    /// A filled rectangle.
    pub fn fill(&mut self, rect: Rect, fill: Paint) {
        self.items.push(Item::Area { outline: corners(rect), fill, opacity: 1.0, edge: None });
    }

    /// A line of text.
    pub fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.items.push(Item::Text(text));
        }
    }
}

fn corners(rect: Rect) -> Vec<Point> {
    vec![[rect.left, rect.top], [rect.right(), rect.top], [rect.right(), rect.bottom()], [rect.left, rect.bottom()]]
}

impl Text {
    /// A label of the usual size.
    pub fn label(text: impl Into<String>, at: Point, align: Align) -> Text {
        Text { text: text.into(), at, size: LABEL, bold: false, align, upward: false, paint: Paint::Text }
    }

    /// Its length in pixels.
    pub fn width(&self) -> f64 {
        font::width(&self.text, self.size, self.bold)
    }

    /// The same with the length it may have: a longer text is made smaller, down to the smallest that can be read, and
    /// then loses its end.
    pub fn fitting(mut self, room: f64) -> Text {
        let natural = self.width();
        if natural > room {
            self.size = (self.size * room / natural).max(SMALLEST);
        }
        let mut shortened = false;
        while self.width() > room && !self.text.is_empty() {
            self.text.pop();
            if shortened {
                self.text.pop();
            }
            self.text.push('…');
            shortened = true;
            if self.text == "…" {
                break;
            }
        }
        self
    }
}

/// Pixels per em of labels, and of the smallest text.
pub const LABEL: f64 = 11.5;
pub const SMALLEST: f64 = 9.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_shrinks_and_then_loses_its_end() {
        let text = |letters: usize| Text::label("w".repeat(letters), [0.0; 2], Align::Start);
        assert_eq!(text(3).fitting(1000.0), text(3));
        let shrunk = text(20).fitting(0.9 * text(20).width());
        assert!(shrunk.size < LABEL && shrunk.text.len() == 20 && shrunk.width() <= 0.9 * text(20).width() + 1e-9);
        let cut = text(100).fitting(60.0);
        assert!(cut.width() <= 60.0 && cut.text.ends_with('…') && cut.text.matches('…').count() == 1, "{}", cut.text);
        assert!(text(5).fitting(0.0).text.chars().count() <= 1);
    }
}
