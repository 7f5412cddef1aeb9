//! Margins, frame, ticks and labels: everything around the data of a figure.

use super::canvas::{Canvas, Color, Rect};
use super::font::{self, Align, Style};
use super::scale::{Scale, Ticks};

/// Ink of frames, ticks and text.
pub const DARK: Color = [38, 38, 38];
/// Ink of grid lines and of the legend's frame.
pub const GRID: Color = [230, 230, 230];
const TEXT: f32 = 11.0;
const TITLE: f32 = 12.5;
const TICK: i32 = 5;
const GAP: i32 = 8;

/// A scale with its label.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Where values go.
    pub scale: Scale,
    /// What the values are, with units.
    pub label: String,
}

/// A figure in the making: canvas, data rectangle and axes. Draw the data into `panel`, then [`Plot::finish`].
pub struct Plot {
    /// The picture.
    pub canvas: Canvas,
    /// The pixels of the data; its clip is set while data are drawn.
    pub panel: Rect,
    x: Axis,
    y: Axis,
    ticks: [Ticks; 2],
    title: String,
}

impl Plot {
    /// Lays out margins for a data rectangle of `size` pixels so that no label is cut; `right` more pixels are kept
    /// free to the right of it (colour bar, legend).
    pub fn new(title: &str, x: Axis, y: Axis, size: [i32; 2], right: i32) -> Self {
        let ticks = [x.scale.ticks(per_length(size[0], 85)), y.scale.ticks(per_length(size[1], 60))];
        let labels = widest(&ticks[1]);
        let line = TEXT as i32;
        let left = TICK + GAP + labels + if y.label.is_empty() { 0 } else { GAP + line + 6 } + 14;
        let factor = if ticks[1].factor.is_empty() { 0 } else { line + GAP };
        let top = 14 + if title.is_empty() { 0 } else { TITLE as i32 + 14 } + factor;
        let below = TICK + GAP + line + if x.label.is_empty() { 0 } else { GAP + line + 6 } + 12;
        let last = ticks[0].major.last().map_or(0.0, |(_, label)| font::width(label, TEXT));
        let right = right.max((0.5 * last) as i32 + 4) + 16;
        let panel = Rect::new(left, top, size[0], size[1]);
        let mut canvas = Canvas::new(panel.right + right, panel.bottom + below);
        canvas.set_clip(panel);
        Self { canvas, panel, x, y, ticks, title: title.into() }
    }

    /// Pixel position of a data point; NaN where an axis cannot show it.
    pub fn place(&self, x: f64, y: f64) -> [f32; 2] {
        // Far outside, one million pixels are as good as infinity and keep f32 arithmetic meaningful.
        let [a, b] = [self.x.scale.unit(x), self.y.scale.unit(y)].map(|unit| unit.clamp(-1e3, 1e3));
        let panel = &self.panel;
        let [across, up] = [a * f64::from(panel.width()), b * f64::from(panel.height())];
        [(f64::from(panel.left) + across) as f32, (f64::from(panel.bottom) - up) as f32]
    }

    /// Thin lines at the labelled positions, to be drawn before the data.
    pub fn grid(&mut self) {
        for (value, _) in &self.ticks[0].major {
            let x = column(&self.panel, self.x.scale.unit(*value));
            self.canvas.fill(Rect::new(x, self.panel.top, 1, self.panel.height()), GRID);
        }
        for (value, _) in &self.ticks[1].major {
            let y = row(&self.panel, self.y.scale.unit(*value));
            self.canvas.fill(Rect::new(self.panel.left, y, self.panel.width(), 1), GRID);
        }
    }

    /// Frame, ticks, labels and title; the clip is then the whole canvas.
    pub fn finish(&mut self) {
        self.canvas.set_clip(self.canvas.bounds());
        frame(&mut self.canvas, self.panel, DARK);
        self.x_axis();
        vertical_axis(&mut self.canvas, self.panel, &self.y.scale, &self.ticks[1], Side::Left);
        let panel = self.panel;
        let middle = [panel.left + panel.right, panel.top + panel.bottom].map(|sum| 0.5 * sum as f32);
        let upward = Style { upward: true, ..text(Align::Middle) };
        let x = panel.left - TICK - GAP - widest(&self.ticks[1]) - GAP - 3;
        font::draw(&mut self.canvas, &self.y.label, [x as f32, middle[1]], &upward);
        let style = Style { size: TITLE, weight: 2.3, ..text(Align::Middle) };
        // A long title may use the whole width, and shrinks before it would be cut.
        let room = self.canvas.bounds().width() as f32 - 16.0;
        let size = (TITLE * room / font::width(&self.title, TITLE).max(1.0)).min(TITLE);
        let half = 0.5 * font::width(&self.title, size);
        let x = middle[0].min(8.0 + room - half).max(8.0 + half);
        font::draw(&mut self.canvas, &self.title, [x, 14.0 + TITLE + 1.0], &Style { size, ..style });
    }

    fn x_axis(&mut self) {
        let (panel, ticks) = (self.panel, &self.ticks[0]);
        let baseline = (panel.bottom + TICK + GAP - 2) as f32 + TEXT;
        for (value, label) in &ticks.major {
            let x = column(&panel, self.x.scale.unit(*value));
            self.canvas.fill(Rect::new(x, panel.bottom, 1, TICK), DARK);
            font::draw(&mut self.canvas, label, [x as f32 + 0.5, baseline], &text(Align::Middle));
        }
        for value in &ticks.minor {
            let x = column(&panel, self.x.scale.unit(*value));
            self.canvas.fill(Rect::new(x, panel.bottom, 1, TICK / 2 + 1), DARK);
        }
        let under = baseline + GAP as f32 + TEXT + 3.0;
        let middle = 0.5 * (panel.left + panel.right) as f32;
        font::draw(&mut self.canvas, &self.x.label, [middle, under], &text(Align::Middle));
        font::draw(&mut self.canvas, &ticks.factor, [panel.right as f32, under], &text(Align::End));
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
pub fn vertical_axis(canvas: &mut Canvas, panel: Rect, scale: &Scale, ticks: &Ticks, side: Side) {
    let (edge, sign, align) = match side {
        Side::Left => (panel.left, -1, Align::End),
        Side::Right => (panel.right, 1, Align::Start),
    };
    let mut mark = |value: f64, length: i32| {
        let y = row(&panel, scale.unit(value));
        let from = if sign < 0 { edge - length } else { edge };
        canvas.fill(Rect::new(from, y, length, 1), DARK);
        y
    };
    ticks.minor.iter().for_each(|&value| _ = mark(value, TICK / 2 + 1));
    let rows: Vec<i32> = ticks.major.iter().map(|(value, _)| mark(*value, TICK)).collect();
    let x = (edge + sign * (TICK + GAP - 3)) as f32;
    for ((_, label), y) in ticks.major.iter().zip(rows) {
        font::draw(canvas, label, [x, y as f32 + 0.5 + 0.5 * TEXT], &text(align));
    }
    let factor = [panel.left as f32, panel.top as f32 - GAP as f32 - 1.0];
    font::draw(canvas, &ticks.factor, factor, &text(Align::Start));
}

/// A line of one pixel around a rectangle.
pub fn frame(canvas: &mut Canvas, panel: Rect, color: Color) {
    let Rect { left, top, right, bottom } = panel;
    for side in [
        Rect { left: left - 1, top: top - 1, right: right + 1, bottom: top },
        Rect { left: left - 1, top: bottom, right: right + 1, bottom: bottom + 1 },
        Rect { left: left - 1, top, right: left, bottom },
        Rect { left: right, top, right: right + 1, bottom },
    ] {
        canvas.fill(side, color);
    }
}

/// The style of labels.
pub fn text(align: Align) -> Style {
    Style { size: TEXT, ink: DARK.into(), align, weight: 1.8, upward: false }
}

/// Width in pixels of the widest label.
pub fn widest(ticks: &Ticks) -> i32 {
    ticks.major.iter().map(|(_, label)| font::width(label, TEXT).ceil() as i32).max().unwrap_or(0)
}

/// How many labels fit on a length when each should have `room` pixels.
pub fn per_length(pixels: i32, room: i32) -> usize {
    (pixels / room).clamp(4, 12) as usize
}

// The ends of an axis fall on the frame, which lies just outside of the panel.
fn column(panel: &Rect, unit: f64) -> i32 {
    panel.left - 1 + (unit * f64::from(panel.width() + 1)).round() as i32
}

fn row(panel: &Rect, unit: f64) -> i32 {
    panel.bottom - (unit * f64::from(panel.height() + 1)).round() as i32
}
