//! The pictures that a request for pictures begins with: `image`, and `mask` laid over it. Each is an asset's id, an object
//! that names one, a `data:` URI, or an address.

use super::{Fields, Picture, PictureSource, Pictures};
use crate::{
    catalog::{Catalog, MaskRule, Modality, Model},
    media::{MediaType, Raster},
    parameter::{Given, Parameter, Parameters},
};
use serde_json::Value;

/// The fields of today, each with that by which the system before had it on some routes (origin.md, 1.10).
const FIELDS: [(&str, &str); 2] = [("image", "imageUrl"), ("mask", "maskUrl")];

/// Names by which the system before had `image` and `mask`.
pub const OLD_PICTURE_FIELDS: [&str; 2] = ["imageUrl", "maskUrl"];

/// Most pixels of a picture that is to be changed: more are taken to be meant to exhaust whoever unpacks them.
pub const MAX_EDIT_PIXELS: u64 = 50_000_000;
/// Most pixels on a side of it.
pub const MAX_EDIT_SIDE: u32 = 16_384;

/// How much of the picture is kept, where nothing is said: a parameter that has no meaning without one.
pub(super) const STRENGTH: &str = "strength";

const ALLOWED: &str = "must be an asset's id, {\"assetId\": …}, a data: URI, or an address of a picture";

/// The pictures that the body of a request for pictures names, each by its field.
pub fn edit_pictures_of(body: &Value) -> Vec<(String, PictureSource<'_>)> {
    let names = FIELDS.into_iter().flat_map(|(name, old)| [name, old]);
    names.filter_map(|name| Some((name.to_owned(), source(&body[name])?))).collect()
}

fn source(value: &Value) -> Option<PictureSource<'_>> {
    match value {
        Value::String(text) => Some(PictureSource::of(text)),
        Value::Object(fields) => match (fields.get("assetId"), fields.get("url"), fields.len()) {
            (Some(Value::String(id)), None, 1) => Some(PictureSource::Asset(id)),
            (None, Some(Value::String(url)), 1) => Some(PictureSource::of(url)),
            _ => None,
        },
        _ => None,
    }
}

/// What a request begins with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Begun {
    pub(super) image: Option<Picture>,
    pub(super) mask: Option<Picture>,
}

/// Reads `image` and `mask`, by whatever name. What is wrong with them is noted.
pub(super) fn pictures<'a>(fields: &mut Fields<'a>, pictures: &Pictures) -> Begun {
    let [image, mask] = FIELDS.map(|(name, old)| {
        let given: Vec<_> = [name, old].into_iter().filter(|name| fields.take(name).is_some()).collect();
        if let [first, second, ..] = given[..] {
            fields.fault(second, format!("is another name of {name}, which is given as {first}: send one of them"));
        }
        let name = *given.first()?;
        Some((name, picture(fields, name, pictures)))
    });
    if let (Some((name, _)), None) = (&mask, &image) {
        fields.fault(name, "needs image: the picture of which it says what is to be painted anew");
    }
    let found = |given: Option<(&str, Option<Picture>)>| given.and_then(|(_, picture)| picture);
    Begun { image: found(image), mask: found(mask) }
}

fn picture(fields: &mut Fields<'_>, name: &str, pictures: &Pictures) -> Option<Picture> {
    let fault = match pictures.get(name) {
        None => ALLOWED.to_owned(),
        Some(Err(fault)) => fault.clone(),
        Some(Ok(picture)) => match picture.raster {
            None => "must be a PNG, JPEG or WebP picture; this one does not say how large it is".to_owned(),
            Some(Raster { width, height, .. }) if width > MAX_EDIT_SIDE || height > MAX_EDIT_SIDE => {
                format!("may have {MAX_EDIT_SIDE} pixels on a side; this one has {width}x{height}")
            }
            Some(raster) if raster.pixels() > MAX_EDIT_PIXELS => {
                let (most, Raster { width, height, .. }) = (MAX_EDIT_PIXELS / 1_000_000, raster);
                format!("may have {most} million pixels; this one has {width}x{height}")
            }
            Some(_) => return Some(picture.clone()),
        },
    };
    fields.fault(name, fault);
    None
}

/// Refuses what the model does not take.
pub(super) fn check(fields: &mut Fields<'_>, catalog: &Catalog, model: &Model, begun: &Begun) {
    let able = |can: fn(&Model) -> bool| {
        let of_this = catalog.models().iter().filter(|other| other.modality == Modality::Image && can(other));
        let able = of_this.map(|other| other.id.as_str()).collect::<Vec<_>>().join(", ");
        if able.is_empty() { "no model of this catalog does".to_owned() } else { format!("models that do are {able}") }
    };
    if begun.image.is_some() && !model.inputs.image {
        let able = able(|other| other.inputs.image);
        fields.fault("image", format!("is given, and {} does not change pictures; {able}", model.id));
    }
    let (Some(image), Some(mask)) = (&begun.image, &begun.mask) else { return };
    match model.inputs.mask {
        MaskRule::Any => {}
        MaskRule::None => {
            let able = able(|other| other.inputs.mask != MaskRule::None);
            fields.fault("mask", format!("is given, and {} takes none; {able}", model.id));
        }
        MaskRule::Transparent => {
            let same = |a: Raster, b: Raster| (a.width, a.height) == (b.width, b.height);
            let fits = mask.media_type == MediaType::Png
                && mask.raster.zip(image.raster).is_some_and(|(mask, image)| mask.alpha && same(mask, image));
            if !fits {
                let size =
                    image.raster.map(|Raster { width, height, .. }| format!(", {width}x{height}")).unwrap_or_default();
                let rule = format!("must be a PNG as large as image{size}, transparent where it is to be painted anew");
                fields.fault("mask", format!("{rule}: {} takes no other", model.id));
            }
        }
    }
}

/// Of `width` and `height`, what the caller did not name follows the picture that the request begins with: its own size,
/// brought to what the model can make.
pub(super) fn follow_size(
    model: &Model,
    parameters: &mut Parameters,
    named: &[&str],
    image: Raster,
    warnings: &mut Vec<String>,
) {
    let bounds = |name: &str| match model.parameters.get(name) {
        Some(Parameter::Integer { min, max, .. }) => Some((*min as f64, *max as f64)),
        _ => None,
    };
    let (Some(wide), Some(high)) = (bounds("width"), bounds("height")) else { return };
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let number = |name: &str| parameters.get(name).and_then(Value::as_f64);
    let scale = match (named.contains(&"width"), named.contains(&"height")) {
        (true, true) => return,
        (true, false) => number("width").map(|given| given / width),
        (false, true) => number("height").map(|given| given / height),
        // No larger than it is, unless the model makes nothing so small.
        (false, false) => {
            Some((wide.1 / width).min(high.1 / height).min((wide.0 / width).max(high.0 / height).max(1.0)))
        }
    };
    let Some(scale) = scale else { return };
    for (name, side) in [("width", width), ("height", height)] {
        if named.contains(&name) {
            continue;
        }
        let wanted = Value::from((side * scale).round());
        if let Some(Given::Taken(value) | Given::Moved(value)) = model.parameters.get(name).map(|p| p.read(&wanted)) {
            parameters.insert(name.to_owned(), value);
        }
    }
    let made = ["width", "height"].map(|name| parameters.get(name).and_then(Value::as_u64).unwrap_or_default());
    if !named.contains(&"width") && !named.contains(&"height") && made != [image.width, image.height].map(u64::from) {
        let [wide, high] = made;
        warnings
            .push(format!("image has {width}x{height} pixels: {wide}x{high} was taken, as {} makes them", model.id));
    }
}

#[cfg(test)]
mod tests;
