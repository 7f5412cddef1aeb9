//! Margins, frame, ticks and labels: everything around the data of a figure.

use super::drawing::{Align, Drawing, LABEL, Point, Rect, Stroke, Text};
use super::font;
use super::paint::Paint;
use super::scale::{Scale, Ticks};

const TITLE: f64 = 13.5;
const TICK: f64 = 5.0;
const GAP: f64 = 5.0;
/// Height of the letters of a label, to put their middle beside a tick.
const CAPITAL: f64 = 0.73 * LABEL;
const THIN: f64 = 1.0;

/// A scale with its label.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Where values go.
    pub scale: Scale,
    /// What the values are, with units.
    pub label: String,
}

/// The room of a figure.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Width of the whole figure.
    pub width: f64,
    /// Height of the data rectangle: in pixels, or as a part of its width.
    pub height: Height,
    /// Pixels kept free above the data rectangle, and to the right of it.
    pub above: f64,
    pub right: f64,
}

#[derive(Clone, Copy, Debug)]
pub enum Height {
    Pixels(f64),
    OfWidth(f64),
}

/// A figure in the making: draw the data into `panel`, then [`Plot::finish`].
pub struct Plot {
    /// The picture.
    pub drawing: Drawing,
    /// Where the data go.
    pub panel: Rect,
    axes: [Axis; 2],
    ticks: [Ticks; 2],
}

impl Plot {
    /// Lays out margins so that no label is cut, and writes the title.
    pub fn new(title: &str, axes: [Axis; 2], room: Room) -> Self {
        let upright = match room.height {
            Height::Pixels(height) => height,
            Height::OfWidth(ratio) => ratio * (room.width - 60.0 - room.right),
        };
        let y_ticks = axes[1].scale.ticks(per_length(upright, 42.0));
        let name = if axes[1].label.is_empty() { 0.0 } else { LABEL + GAP };
        let left = 4.0 + name.max(if short(&axes[1].label) { label_width(&axes[1].label) + GAP } else { name });
        let left = left + widest(&y_ticks) + TICK + GAP;
        let width = (room.width - left - room.right.max(14.0)).max(40.0);
        let height = match room.height {
            Height::Pixels(height) => height,
            Height::OfWidth(ratio) => (ratio * width).round(),
        };
        let x_ticks = axes[0].scale.ticks(per_length(width, 64.0));
        let heading = if title.is_empty() { 4.0 } else { TITLE + 12.0 };
        let factor = if y_ticks.factor.is_empty() { 6.0 } else { LABEL + 7.0 };
        let top = heading + room.above + factor;
        let named = !axes[0].label.is_empty() || !x_ticks.factor.is_empty();
        let below = TICK + GAP + LABEL + if named { LABEL + 8.0 } else { 0.0 } + 4.0;
        let panel = Rect { left, top, width, height };
        let mut drawing = Drawing::new(room.width, (top + height + below).ceil());
        let heading = Text { size: TITLE, bold: true, ..Text::label(title, [left, TITLE + 2.0], Align::Start) };
        let over = heading.width() > room.width - left - 4.0;
        // a long title begins at the edge
        let at = if over { [4.0, heading.at[1]] } else { heading.at };
        drawing.text(Text { at, ..heading }.fitting(room.width - 8.0));
        Self { drawing, panel, axes, ticks: [x_ticks, y_ticks] }
    }

    /// Position of a data point; NaN where an axis cannot show it.
    pub fn place(&self, x: f64, y: f64) -> Point {
        // far outside, a thousand widths are as good as infinity
        let [a, b] = [self.axes[0].scale.unit(x), self.axes[1].scale.unit(y)].map(|unit| unit.clamp(-1e3, 1e3));
        [self.panel.left + a * self.panel.width, self.panel.bottom() - b * self.panel.height]
    }

    /// Thin lines at the labelled positions, to be drawn before the data.
    pub fn grid(&mut self) {
        let (panel, pen) = (self.panel, Stroke::new(Paint::Grid, THIN));
        for (value, _) in self.ticks[0].major.clone() {
            let x = crisp(self.place(value, f64::NAN)[0]);
            self.drawing.line([x, panel.top], [x, panel.bottom()], pen);
        }
        for (value, _) in self.ticks[1].major.clone() {
            let y = crisp(self.place(f64::NAN, value)[1]);
            self.drawing.line([panel.left, y], [panel.right(), y], pen);
        }
    }

    /// Frame, ticks and labels.
    pub fn finish(&mut self) {
        let panel = self.panel;
        self.drawing.frame(panel, Stroke::new(Paint::Frame, THIN));
        self.x_axis();
        vertical_axis(&mut self.drawing, panel, &self.axes[1].scale, &self.ticks[1], Side::Left);
        let label = self.axes[1].label.clone();
        let middle = panel.top + 0.5 * panel.height;
        let text = match short(&label) {
            true => Text::label(&label, [4.0, middle + 0.5 * CAPITAL], Align::Start),
            false => Text { upward: true, ..Text::label(&label, [4.0 + LABEL, middle], Align::Middle) },
        };
        self.drawing.text(Text { paint: Paint::Soft, ..text });
    }

    fn x_axis(&mut self) {
        let (panel, ticks) = (self.panel, self.ticks[0].clone());
        let baseline = panel.bottom() + TICK + GAP + CAPITAL;
        for (value, label) in &ticks.major {
            let x = crisp(self.place(*value, f64::NAN)[0]);
            self.drawing.line([x, panel.bottom()], [x, panel.bottom() + TICK], Stroke::new(Paint::Frame, THIN));
            // a label at the edge of the picture moves in
            let half = 0.5 * label_width(label);
            let at = x.min(self.drawing.width - 1.0 - half).max(1.0 + half);
            self.drawing.text(Text::label(label, [at, baseline], Align::Middle));
        }
        for value in &ticks.minor {
            let x = crisp(self.place(*value, f64::NAN)[0]);
            self.drawing.line([x, panel.bottom()], [x, panel.bottom() + 0.6 * TICK], Stroke::new(Paint::Frame, THIN));
        }
        let label = [self.axes[0].label.as_str(), &ticks.factor].join(" ").trim().to_owned();
        let at = [panel.left + 0.5 * panel.width, baseline + LABEL + 6.0];
        self.drawing.text(Text { paint: Paint::Soft, ..Text::label(label, at, Align::Middle) });
    }
}

/// On which side of a rectangle a vertical axis is labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ticks to the left, labels right-aligned.
    Left,
    /// Ticks to the right, labels left-aligned (colour bars).
    Right,
}

/// Ticks, labels and factor of a vertical axis along one side of a rectangle.
pub fn vertical_axis(drawing: &mut Drawing, panel: Rect, scale: &Scale, ticks: &Ticks, side: Side) {
    let (edge, sign, align) = match side {
        Side::Left => (panel.left, -1.0, Align::End),
        Side::Right => (panel.right(), 1.0, Align::Start),
    };
    let mut mark = |value: f64, length: f64| {
        let y = crisp(panel.bottom() - scale.unit(value) * panel.height);
        drawing.line([edge, y], [edge + sign * length, y], Stroke::new(Paint::Frame, THIN));
        y
    };
    ticks.minor.iter().for_each(|&value| _ = mark(value, 0.6 * TICK));
    let rows: Vec<f64> = ticks.major.iter().map(|(value, _)| mark(*value, TICK)).collect();
    let x = edge + sign * (TICK + GAP - 1.0);
    for ((_, label), y) in ticks.major.iter().zip(rows) {
        drawing.text(Text::label(label, [x, y + 0.5 * CAPITAL], align));
    }
    let factor = Text::label(&ticks.factor, [panel.left, panel.top - 6.0], Align::Start);
    drawing.text(Text { paint: Paint::Soft, ..factor });
}

/// The middle of the pixel around a coordinate: a line of one pixel there is sharp.
fn crisp(coordinate: f64) -> f64 {
    coordinate.floor() + 0.5
}

/// Short labels are not turned.
fn short(label: &str) -> bool {
    label.chars().count() <= 2
}

fn label_width(label: &str) -> f64 {
    font::width(label, LABEL, false)
}

/// Width in pixels of the widest label.
pub fn widest(ticks: &Ticks) -> f64 {
    ticks.major.iter().map(|(_, label)| label_width(label)).fold(0.0, f64::max)
}

/// How many distances of ticks fit on a length when each should have `room` pixels.
pub fn per_length(pixels: f64, room: f64) -> usize {
    (pixels / room).clamp(2.0, 10.0) as usize
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Item;
    use super::*;

    fn plot(labels: [&str; 2], scale: Scale) -> Plot {
        let axes = labels.map(|label| Axis { scale, label: label.into() });
        let room = Room { width: 400.0, height: Height::Pixels(200.0), above: 0.0, right: 0.0 };
        let mut plot = Plot::new("A title", axes, room);
        plot.grid();
        plot.finish();
        plot
    }

    #[test]
    fn no_label_leaves_the_picture() {
        for scale in [Scale::linear([0.0, 1e-7]), Scale::linear([-1e4, 1e4]), Scale::logarithmic([1e-12, 1e5])] {
            let plot = plot(["a long name of an axis", "another long name"], scale);
            for item in &plot.drawing.items {
                let Item::Text(text) = item else { continue };
                let along = match text.align {
                    Align::Start => [0.0, 1.0],
                    Align::Middle => [-0.5, 0.5],
                    Align::End => [-1.0, 0.0],
                };
                let axis = usize::from(text.upward);
                let length = [plot.drawing.width, plot.drawing.height][axis];
                let ends = along.map(|part| text.at[axis] + part * text.width());
                assert!(ends[0] >= 0.0 && ends[1] <= length, "`{}` from {} to {}", text.text, ends[0], ends[1]);
                assert!(text.at[1] <= plot.drawing.height - 2.0, "`{}`", text.text);
            }
        }
    }

    #[test]
    fn a_point_lands_where_its_axes_say() {
        let plot = plot(["x", "y"], Scale::linear([0.0, 10.0]));
        let panel = plot.panel;
        assert_eq!(plot.place(0.0, 0.0), [panel.left, panel.bottom()]);
        assert_eq!(plot.place(10.0, 5.0), [panel.right(), panel.top + 0.5 * panel.height]);
        assert!(plot.place(f64::NAN, 1.0)[0].is_nan());
    }
}
