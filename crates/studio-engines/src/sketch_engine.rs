//! `sketch` as an engine: reads the inputs that image models of Cog's world have, and draws, or changes what it is given.

use crate::{
    engine::{Engine, EngineError, InputFault, OutputFile, Report, Work},
    given::{MAX_BYTES, Place, fitted, shown_by, unpacked},
    inputs::Inputs,
    sketch::{Edit, Format, Picture, Quality, SIDE_PX, Sketch, draw, edit},
};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Most characters of a prompt.
const MAX_PROMPT_CHARS: usize = 2000;
/// Length of a side in pixels when none is given.
const USUAL_SIDE_PX: u32 = 1024;
/// How far a picture that is given is changed when nothing is said.
const USUAL_STRENGTH: f32 = 0.6;
/// How many pictures one prediction may make.
const PICTURES: RangeInclusive<u32> = 1..=4;

/// The engine.
pub(crate) struct SketchEngine;

impl Engine for SketchEngine {
    fn name(&self) -> &'static str {
        "sketch"
    }

    fn prepare(&self, input: &Map<String, Value>) -> Result<Work, Vec<InputFault>> {
        let order = Order::read(input)?;
        Ok(Box::new(move |report| order.draw(report)))
    }
}

/// Pictures of one prompt. The picture at index i has the seed `seed + i`, so that each can be made again alone.
#[derive(Debug)]
struct Order {
    prompt: String,
    width: u32,
    height: u32,
    pictures: u32,
    seed: u32,
    format: Format,
    quality: Quality,
    /// The picture that is to be changed, and where, as they came.
    image: Option<Vec<u8>>,
    mask: Option<Vec<u8>>,
    strength: f32,
}

/// What is to be changed, unpacked.
struct Given {
    picture: Picture,
    mask: Option<Vec<bool>>,
    _place: Place,
}

impl Order {
    fn read(input: &Map<String, Value>) -> Result<Self, Vec<InputFault>> {
        let mut inputs = Inputs::new("sketch", input);
        let order = Self {
            prompt: inputs.text("prompt", MAX_PROMPT_CHARS),
            width: inputs.integer("width", SIDE_PX, USUAL_SIDE_PX),
            height: inputs.integer("height", SIDE_PX, USUAL_SIDE_PX),
            pictures: inputs.integer("num_outputs", PICTURES, 1),
            seed: inputs.integer("seed", 0..=u32::MAX, 0),
            format: inputs.choice(
                "output_format",
                &[("png", Format::Png), ("jpg", Format::Jpeg), ("jpeg", Format::Jpeg), ("webp", Format::Webp)],
            ),
            quality: inputs.choice("quality", &[("standard", Quality::Standard), ("hd", Quality::Hd)]),
            image: inputs.picture("image", MAX_BYTES),
            mask: inputs.picture("mask", MAX_BYTES),
            strength: inputs.number("strength", 0.0..=1.0, USUAL_STRENGTH),
        };
        if order.mask.is_some() && order.image.is_none() {
            inputs.fault("mask", "needs image, which it is laid over".to_owned());
        }
        inputs.finish(order)
    }

    fn draw(&self, report: &dyn Report) -> Result<Vec<OutputFile>, EngineError> {
        let given = self.image.as_ref().map(|image| self.unpack(image, report)).transpose()?;
        (0..self.pictures).map(|index| self.draw_one(index, given.as_ref(), report)).collect()
    }

    /// Unpacks what is given, at the size that is wanted.
    fn unpack(&self, image: &[u8], report: &dyn Report) -> Result<Given, EngineError> {
        let (width, height) = (self.width, self.height);
        let place = Place::of(u64::from(width) * u64::from(height), || report.progress(0.0, "waiting for room"));
        let place = place.ok_or(EngineError::Canceled)?;
        let bad = |name: &'static str| move |fault| EngineError::Failed(format!("{name} {fault}"));
        let picture = unpacked(image, |picture| fitted(picture, width, height)).map_err(bad("image"))?;
        let picture = Picture::from_rgb(width, height, picture.into_raw());
        let picture = picture.ok_or_else(|| EngineError::Failed("image has another size than it says".to_owned()))?;
        let mask = self.mask.as_ref().map(|mask| unpacked(mask, |mask| shown_by(mask, width, height)));
        let mask = mask.transpose().map_err(bad("mask"))?;
        if mask.as_ref().is_some_and(|mask| !mask.contains(&true)) {
            let rule = "mask shows nothing: what is to be painted anew must be transparent, or white on black";
            return Err(EngineError::Failed(rule.to_owned()));
        }
        Ok(Given { picture, mask, _place: place })
    }

    fn draw_one(&self, index: u32, given: Option<&Given>, report: &dyn Report) -> Result<OutputFile, EngineError> {
        let stage = match self.pictures {
            1 => "drawing".to_owned(),
            all => format!("drawing {} of {all}", index + 1),
        };
        let sketch = Sketch {
            prompt: self.prompt.clone(),
            seed: self.seed.wrapping_add(index).into(),
            width: self.width,
            height: self.height,
            quality: self.quality,
        };
        let mut keep_going = |part: f32| report.progress((index as f32 + part) / self.pictures as f32, &stage);
        let picture = match given {
            None => draw(&sketch, &mut keep_going),
            Some(Given { picture, mask, .. }) => {
                let mask = mask.as_deref();
                edit(&Edit { sketch: &sketch, picture, mask, strength: self.strength }, &mut keep_going)
            }
        };
        let picture = picture.ok_or(EngineError::Canceled)?;
        let bytes = picture.encode(self.format).map_err(|error| EngineError::Failed(error.to_string()))?;
        let name = format!("{index}.{}", self.format.extension());
        Ok(OutputFile { name, media_type: self.format.media_type(), bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Notes;
    use serde_json::json;

    fn read(input: Value) -> Result<Order, Vec<InputFault>> {
        Order::read(input.as_object().unwrap())
    }

    fn files(input: Value) -> Vec<OutputFile> {
        read(input).unwrap().draw(&Notes::default()).unwrap()
    }

    #[test]
    fn a_bare_prompt_takes_every_default() {
        let order = read(json!({"prompt": "a sea", "seed": null})).unwrap();
        assert_eq!((order.width, order.height, order.pictures, order.seed), (1024, 1024, 1, 0));
        assert_eq!((order.format, order.quality), (Format::Png, Quality::Standard));
    }

    #[test]
    fn every_fault_is_named_with_what_is_allowed() {
        for (input, field, word) in [
            (json!({}), "prompt", "1 to 2000"),
            (json!({"prompt": ""}), "prompt", "1 to 2000"),
            (json!({"prompt": " \n"}), "prompt", "1 to 2000"),
            (json!({"prompt": 7}), "prompt", "text"),
            (json!({"prompt": "é".repeat(2001)}), "prompt", "1 to 2000"),
            (json!({"prompt": "x", "width": 63}), "width", "64 to 2048"),
            (json!({"prompt": "x", "height": 2049}), "height", "64 to 2048"),
            (json!({"prompt": "x", "height": "512"}), "height", "64 to 2048"),
            (json!({"prompt": "x", "num_outputs": 0}), "num_outputs", "1 to 4"),
            (json!({"prompt": "x", "num_outputs": 5}), "num_outputs", "1 to 4"),
            (json!({"prompt": "x", "seed": -1}), "seed", "4294967295"),
            (json!({"prompt": "x", "seed": 4_294_967_296_u64}), "seed", "4294967295"),
            (json!({"prompt": "x", "seed": 1.5}), "seed", "whole"),
            (json!({"prompt": "x", "output_format": "gif"}), "output_format", "png, jpg, jpeg, webp"),
            (json!({"prompt": "x", "quality": "best"}), "quality", "standard, hd"),
            (json!({"prompt": "x", "steps": 3}), "steps", "not an input"),
            (json!({"prompt": "x", "strength": 1.5}), "strength", "from 0 to 1"),
            (json!({"prompt": "x", "image": 7}), "image", "data: URI"),
            (json!({"prompt": "x", "image": "https://example.org/a.png"}), "image", "data: URI"),
            (json!({"prompt": "x", "image": "data:image/png;base64,%%"}), "image", "base64"),
            (json!({"prompt": "x", "mask": "data:image/png;base64,AAAA"}), "mask", "needs image"),
        ] {
            let faults = read(input.clone()).unwrap_err();
            assert!(faults.iter().any(|f| f.field == field && f.allowed.contains(word)), "{input}: {faults:?}");
        }
        assert_eq!(read(json!({"width": 1, "steps": 1})).unwrap_err().len(), 3, "all faults at once");
        assert!(read(json!({"prompt": "é".repeat(2000)})).is_ok());
    }

    #[test]
    fn each_picture_has_its_own_seed_and_can_be_made_again_alone() {
        let small = |seed: u32, count: u32| {
            files(json!({"prompt": "a lighthouse", "width": 64, "height": 64, "seed": seed, "num_outputs": count}))
        };
        let both = small(u32::MAX, 2);
        assert_eq!(both[0].bytes, small(u32::MAX, 1)[0].bytes);
        assert_eq!(both[1].bytes, small(0, 1)[0].bytes, "seeds wrap");
        assert_ne!(both[0].bytes, both[1].bytes);
        assert_eq!((both[0].name.as_str(), both[1].name.as_str()), ("0.png", "1.png"));
    }

    #[test]
    fn formats_are_what_they_are_called() {
        for (format, media_type, magic) in [
            ("png", "image/png", &b"\x89PNG"[..]),
            ("jpg", "image/jpeg", b"\xff\xd8\xff"),
            ("webp", "image/webp", b"RIFF"),
        ] {
            let made = files(json!({"prompt": "x", "width": 64, "height": 64, "output_format": format}));
            assert_eq!(made[0].media_type, media_type);
            assert!(made[0].bytes.starts_with(magic), "{format}");
        }
    }

    fn data_url(bytes: &[u8]) -> String {
        format!("data:image/png;base64,{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes))
    }

    #[test]
    fn pictures_that_are_given_are_changed() {
        let size = json!({"prompt": "a sea", "width": 96, "height": 64});
        let given = data_url(&files(size.clone())[0].bytes);
        let with = |more: Value| {
            let mut input = size.clone();
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(input).unwrap().draw(&Notes::default())
        };
        let white = Picture::from_rgb(8, 8, vec![255; 8 * 8 * 3]).unwrap().encode(Format::Png).unwrap();
        let black = Picture::from_rgb(8, 8, vec![0; 8 * 8 * 3]).unwrap().encode(Format::Png).unwrap();
        let restyled = with(json!({"image": given, "num_outputs": 2})).unwrap();
        assert!(restyled.len() == 2 && restyled[0].bytes != restyled[1].bytes);
        let anew = with(json!({"image": given, "mask": data_url(&white)})).unwrap();
        assert_ne!(anew[0].bytes, restyled[0].bytes);
        for (more, words) in [
            (json!({"image": given, "mask": data_url(&black)}), "mask shows nothing"),
            (json!({"image": data_url(b"not a picture")}), "image is no PNG"),
            (json!({"image": given, "mask": data_url(&white[..40])}), "mask is damaged"),
        ] {
            let Err(EngineError::Failed(told)) = with(more) else { panic!("it was taken: {words}") };
            assert!(told.starts_with(words), "{told}");
        }
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        let order = read(json!({"prompt": "x", "width": 64, "height": 64, "num_outputs": 4})).unwrap();
        assert_eq!(order.draw(&Notes { until: 0.3, ..Notes::default() }).unwrap_err(), EngineError::Canceled);
    }
}
