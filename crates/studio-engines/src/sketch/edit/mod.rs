//! Pictures that are given, and changed by the words of a prompt.
//!
//! Without a mask the whole picture is restyled (`restyle`): what the prompt would draw is drawn, and gives its colours by
//! brightness and height, its weather and its style; the given picture keeps its forms, the less of them the higher the
//! strength. With a mask only the place that it shows is painted (`inpaint`): what surrounds it is diffused into it
//! (`diffuse`) and grained like the rest (`texture`), and what the prompt draws is set into that without a seam. All other
//! pixels stay as they are, bit for bit.

mod diffuse;
mod inpaint;
mod planes;
mod restyle;
mod texture;

use super::{Picture, Sketch, colour::Rgb};

/// A picture and what is to become of it.
#[derive(Debug)]
pub struct Edit<'a> {
    /// The words, the chance, the size and the care.
    pub sketch: &'a Sketch,
    /// The picture, of that size.
    pub picture: &'a Picture,
    /// Which pixels are to be painted anew, of that size too.
    pub mask: Option<&'a [bool]>,
    /// How far it may go from the picture: 0 to 1.
    pub strength: f32,
}

/// Changes a picture; nothing when it was told to stop, or when the sizes are not the same.
///
/// `keep_going` is asked as in [`super::draw`].
pub fn edit(edit: &Edit<'_>, keep_going: &mut dyn FnMut(f32) -> bool) -> Option<Picture> {
    let Edit { sketch, picture, mask, strength } = edit;
    let pixels = sketch.width as usize * sketch.height as usize;
    let same = (picture.width(), picture.height()) == (sketch.width, sketch.height);
    if !same || mask.is_some_and(|mask| mask.len() != pixels) {
        return None;
    }
    let strength = if strength.is_finite() { strength.clamp(0.0, 1.0) } else { 0.0 };
    match mask {
        None => restyle::restyle(sketch, picture, strength, keep_going),
        Some(mask) => inpaint::inpaint(sketch, picture, mask, strength, keep_going),
    }
}

/// The pixels of a picture as colours to reckon with.
fn canvas_of(picture: &Picture) -> Vec<Rgb> {
    let channel = |byte: u8| f32::from(byte) / 255.0;
    picture.pixels().chunks_exact(3).map(|p| Rgb::new(channel(p[0]), channel(p[1]), channel(p[2]))).collect()
}

#[cfg(test)]
mod tests;
