//! A drawing as an `<svg>` element for a page. Colours are variables of the page's style, so that one picture serves
//! light and dark ground.

use std::fmt::Write as _;

use super::drawing::{Align, Drawing, Item, Point, Rect, Stroke, Text};
use super::html::{base64, escape};

/// The element; `label` is what is read out in its place.
pub fn write(drawing: &Drawing, label: &str) -> String {
    let [width, height] = [drawing.width, drawing.height].map(number);
    let mut text = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n",
        escape(label)
    );
    drawing.items.iter().for_each(|item| append(&mut text, item));
    text + "</svg>\n"
}

fn append(out: &mut String, item: &Item) {
    match item {
        Item::Lines { paths, stroke } => {
            let d: String = paths.iter().map(|path| lines(path, false)).collect();
            if !d.is_empty() {
                _ = writeln!(out, "<path d=\"{d}\" style=\"fill:none;{}\"/>", pen(*stroke));
            }
        }
        Item::Area { outline, fill, opacity, edge } => {
            let opacity = if *opacity < 1.0 { format!(";fill-opacity:{opacity}") } else { String::new() };
            let edge = edge.map_or(String::new(), |edge| format!(";{}", pen(edge)));
            let d = lines(outline, true);
            _ = writeln!(out, "<path d=\"{d}\" style=\"fill:{}{opacity}{edge}\"/>", fill.css());
        }
        Item::Text(text) => write_text(out, text),
        Item::Image { rect, bitmap } => {
            let mut image = |class: &str, palette| {
                let data = base64(&bitmap.png(palette));
                let Rect { left, top, width, height } = *rect;
                let [x, y, w, h] = [left, top, width, height].map(number);
                _ = writeln!(
                    out,
                    "<image{class} x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
                     href=\"data:image/png;base64,{data}\"/>"
                );
            };
            let dark = bitmap.palette.on_dark();
            if dark == bitmap.palette {
                image("", dark);
            } else {
                image(" class=\"light-only\"", bitmap.palette);
                image(" class=\"dark-only\"", dark);
            }
        }
        Item::Clipped { rect, items } => {
            // an inner svg cuts off what lies outside, and needs no name that another picture could have too
            let [x, y, w, h] = [rect.left, rect.top, rect.width, rect.height].map(number);
            _ = writeln!(
                out,
                "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\" overflow=\"hidden\">"
            );
            items.iter().for_each(|item| append(out, item));
            out.push_str("</svg>\n");
        }
    }
}

fn write_text(out: &mut String, text: &Text) {
    let [x, y] = text.at.map(number);
    let anchor = match text.align {
        Align::Start => "",
        Align::Middle => " text-anchor=\"middle\"",
        Align::End => " text-anchor=\"end\"",
    };
    let weight = if text.bold { ";font-weight:600" } else { "" };
    let turn = if text.upward { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let (size, color, content) = (number(text.size), text.paint.css(), escape(&text.text));
    _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\"{anchor}{turn} style=\"fill:{color};font-size:{size}px{weight}\">{content}</text>"
    );
}

fn pen(stroke: Stroke) -> String {
    let dash =
        stroke.dash.map_or(String::new(), |[on, off]| format!(";stroke-dasharray:{} {}", number(on), number(off)));
    format!("stroke:{};stroke-width:{}{dash}", stroke.paint.css(), number(stroke.width))
}

/// A path through the points, with one decimal: a tenth of a pixel is below what anybody sees.
fn lines(path: &[Point], closed: bool) -> String {
    let mut d = String::new();
    for (k, [x, y]) in path.iter().map(|at| at.map(number)).enumerate() {
        _ = write!(d, "{}{x} {y}", if k == 0 { "M" } else { "L" });
    }
    if path.len() == 1 {
        // a round end makes a dot of it
        d.push_str("h0");
    }
    if closed { d + "Z" } else { d }
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::paint::Paint;
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup_and_nothing_is_fetched() {
        let mut drawing = Drawing::new(100.0, 50.0);
        drawing.text(Text::label("</text><script>&", [1.0, 2.0], Align::End));
        drawing.line([0.0, 0.0], [10.04, 3.25], Stroke { dash: Some([4.0, 2.5]), ..Stroke::new(Paint::Grid, 1.0) });
        let svg = write(&drawing, "a \"quoted\" <label>");
        assert!(!svg.contains("<script") && svg.contains("&lt;/text&gt;&lt;script&gt;&amp;"));
        assert!(svg.contains("aria-label=\"a &quot;quoted&quot; &lt;label&gt;\""));
        assert!(svg.contains("d=\"M0 0L10 3.2\"") && svg.contains("stroke-dasharray:4 2.5"));
        assert!(!svg.contains("http") && !svg.contains("url("));
    }

    #[test]
    fn signed_maps_have_a_second_image_for_dark_ground() {
        use super::super::{Palette, bitmap::Bitmap};
        let image = |palette| {
            let bitmap = Bitmap::new(2, 2, palette, |x, _| x);
            let rect = Rect { left: 0.0, top: 0.0, width: 2.0, height: 2.0 };
            write(&Drawing { width: 2.0, height: 2.0, items: vec![Item::Image { rect, bitmap }] }, "")
        };
        assert_eq!(image(Palette::Sequential).matches("<image").count(), 1);
        assert_eq!(image(Palette::Diverging).matches("<image").count(), 2);
    }
}
