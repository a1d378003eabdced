//! Ink: anti-aliased vector shapes, by tiny-skia.
//!
//! Shapes are drawn in their own small coordinate system (`place` moves, scales and mirrors it), so that a boat or a
//! cat is written once, one unit tall with its feet at the origin, and used at any size. Fills that cannot be built
//! (no area, not finite) are skipped: a missing leaf is better than a failed picture.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point, Rect,
    Shader, SpreadMode, Stroke, Transform,
};

use super::colour::Rgb;
use super::stage::Pacer;

/// A point; y grows downwards.
pub(crate) type Spot = (f32, f32);

/// The pen.
pub(crate) struct Ink<'s, 'k> {
    pixmap: &'s mut Pixmap,
    pacer: &'s mut Pacer<'k>,
    place: Transform,
    touched: [f32; 4],
}

impl<'s, 'k> Ink<'s, 'k> {
    /// A pen on an empty sheet.
    pub(crate) fn new(pixmap: &'s mut Pixmap, pacer: &'s mut Pacer<'k>) -> Self {
        let touched = [f32::MAX, f32::MAX, 0.0, 0.0];
        Self { pixmap, pacer, place: Transform::identity(), touched }
    }

    /// Puts the origin at `(x, y)`, one unit being `scale` pixels; a negative `flip` mirrors left and right.
    pub(crate) fn place(&mut self, (x, y): Spot, scale: f32, flip: f32) {
        self.place = Transform::from_row(scale * flip.signum(), 0.0, 0.0, scale, x, y);
    }

    /// Like `place`, turned by an angle in degrees.
    pub(crate) fn place_turned(&mut self, (x, y): Spot, scale: f32, degrees: f32) {
        self.place = Transform::from_rotate(degrees).post_scale(scale, scale).post_translate(x, y);
    }

    /// Back to plain pixels.
    pub(crate) fn reset(&mut self) {
        self.place = Transform::identity();
    }

    /// The rectangle that was drawn on: left, top, right, bottom.
    pub(crate) fn touched(&self) -> [f32; 4] {
        self.touched
    }

    /// A filled shape.
    pub(crate) fn fill(&mut self, path: Option<Path>, colour: Rgb) {
        self.wash(path, colour, 1.0);
    }

    /// A filled shape that lets some of the ground through.
    pub(crate) fn wash(&mut self, path: Option<Path>, colour: Rgb, alpha: f32) {
        self.paint(path, Shader::SolidColor(tint(colour, alpha)));
    }

    /// A shape filled with a gradient from one spot (and colour) to another.
    pub(crate) fn blend(&mut self, path: Option<Path>, from: (Spot, Rgb), to: (Spot, Rgb)) {
        let stops = vec![GradientStop::new(0.0, tint(from.1, 1.0)), GradientStop::new(1.0, tint(to.1, 1.0))];
        let (a, b) = (Point::from_xy(from.0.0, from.0.1), Point::from_xy(to.0.0, to.0.1));
        let gradient = LinearGradient::new(a, b, stops, SpreadMode::Pad, Transform::identity());
        self.paint(path, gradient.unwrap_or_else(|| Shader::SolidColor(tint(from.1, 1.0))));
    }

    /// A line along a path.
    pub(crate) fn stroke(&mut self, path: Option<Path>, width: f32, colour: Rgb, alpha: f32) {
        let Some(path) = path else { return };
        if !width.is_finite() || width <= 0.0 || !self.note(&path, width) {
            return;
        }
        let paint = Paint { shader: Shader::SolidColor(tint(colour, alpha)), ..Paint::default() };
        let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.pixmap.stroke_path(&path, &paint, &stroke, self.place, None);
    }

    fn paint(&mut self, path: Option<Path>, shader: Shader<'_>) {
        let Some(path) = path else { return };
        if self.note(&path, 0.0) {
            let paint = Paint { shader, ..Paint::default() };
            self.pixmap.fill_path(&path, &paint, FillRule::Winding, self.place, None);
        }
    }

    /// Grows the touched area; false when the shape is outside the sheet or the work was stopped.
    fn note(&mut self, path: &Path, margin: f32) -> bool {
        let bounds = path.bounds();
        let Some(bounds) = Rect::from_ltrb(
            bounds.left() - margin,
            bounds.top() - margin,
            bounds.right() + margin + 1e-4,
            bounds.bottom() + margin + 1e-4,
        )
        .and_then(|bounds| bounds.transform(self.place)) else {
            return false;
        };
        let (w, h) = (self.pixmap.width() as f32, self.pixmap.height() as f32);
        if bounds.right() < 0.0 || bounds.bottom() < 0.0 || bounds.left() > w || bounds.top() > h {
            return false;
        }
        let [left, top, right, bottom] = &mut self.touched;
        *left = left.min(bounds.left() - 2.0).max(0.0);
        *top = top.min(bounds.top() - 2.0).max(0.0);
        *right = right.max(bounds.right() + 2.0).min(w);
        *bottom = bottom.max(bounds.bottom() + 2.0).min(h);
        let area = bounds.width().min(w) * bounds.height().min(h);
        self.pacer.spend(area as usize / 4 + 200)
    }
}

fn tint(colour: Rgb, alpha: f32) -> Color {
    let channel = |v: f32| if v.is_finite() { v.clamp(0.0, 1.0) } else { 0.0 };
    Color::from_rgba(channel(colour.r), channel(colour.g), channel(colour.b), channel(alpha)).unwrap_or(Color::BLACK)
}

/// Straight edges between points, closed.
pub(crate) fn polygon(points: &[Spot]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let mut points = points.iter();
    let first = points.next()?;
    builder.move_to(first.0, first.1);
    for point in points {
        builder.line_to(point.0, point.1);
    }
    builder.close();
    builder.finish()
}

/// Straight lines between points, open.
pub(crate) fn polyline(points: &[Spot]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let mut points = points.iter();
    let first = points.next()?;
    builder.move_to(first.0, first.1);
    for point in points {
        builder.line_to(point.0, point.1);
    }
    builder.finish()
}

/// A soft closed outline through points (Catmull-Rom).
pub(crate) fn blob(points: &[Spot]) -> Option<Path> {
    let count = points.len();
    if count < 3 {
        return None;
    }
    let mut builder = PathBuilder::new();
    builder.move_to(points[0].0, points[0].1);
    for i in 0..count {
        let [p, a, b, n] = [count - 1, 0, 1, 2].map(|step| points[(i + step) % count]);
        builder.cubic_to(
            a.0 + (b.0 - p.0) / 6.0,
            a.1 + (b.1 - p.1) / 6.0,
            b.0 - (n.0 - a.0) / 6.0,
            b.1 - (n.1 - a.1) / 6.0,
            b.0,
            b.1,
        );
    }
    builder.close();
    builder.finish()
}

/// A soft open line through points.
pub(crate) fn curve(points: &[Spot]) -> Option<Path> {
    let last = points.len().checked_sub(1)?;
    let mut builder = PathBuilder::new();
    builder.move_to(points[0].0, points[0].1);
    for i in 0..last {
        let (p, a, b, n) = (points[i.saturating_sub(1)], points[i], points[i + 1], points[(i + 2).min(last)]);
        builder.cubic_to(
            a.0 + (b.0 - p.0) / 6.0,
            a.1 + (b.1 - p.1) / 6.0,
            b.0 - (n.0 - a.0) / 6.0,
            b.1 - (n.1 - a.1) / 6.0,
            b.0,
            b.1,
        );
    }
    builder.finish()
}

/// An upright ellipse.
pub(crate) fn oval((x, y): Spot, rx: f32, ry: f32) -> Option<Path> {
    PathBuilder::from_oval(Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry)?)
}

/// A circle.
pub(crate) fn disc(centre: Spot, radius: f32) -> Option<Path> {
    oval(centre, radius, radius)
}

/// A rectangle by its corners.
pub(crate) fn slab(left: f32, top: f32, right: f32, bottom: f32) -> Option<Path> {
    Some(PathBuilder::from_rect(Rect::from_ltrb(left, top, right, bottom)?))
}

/// A rectangle with round corners.
pub(crate) fn pillow(left: f32, top: f32, right: f32, bottom: f32, radius: f32) -> Option<Path> {
    let r = radius.min((right - left) / 2.0).min((bottom - top) / 2.0).max(0.0);
    let k = r * 0.448;
    let mut b = PathBuilder::new();
    b.move_to(left + r, top);
    b.line_to(right - r, top);
    b.cubic_to(right - k, top, right, top + k, right, top + r);
    b.line_to(right, bottom - r);
    b.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
    b.line_to(left + r, bottom);
    b.cubic_to(left + k, bottom, left, bottom - k, left, bottom - r);
    b.line_to(left, top + r);
    b.cubic_to(left, top + k, left + k, top, left + r, top);
    b.close();
    b.finish()
}

/// A limb: a straight shape that narrows from one width to another.
pub(crate) fn limb(from: Spot, to: Spot, wide: f32, narrow: f32) -> Option<Path> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1e-6);
    let (nx, ny) = (-dy / length * 0.5, dx / length * 0.5);
    polygon(&[
        (from.0 + nx * wide, from.1 + ny * wide),
        (to.0 + nx * narrow, to.1 + ny * narrow),
        (to.0 - nx * narrow, to.1 - ny * narrow),
        (from.0 - nx * wide, from.1 - ny * wide),
    ])
}
