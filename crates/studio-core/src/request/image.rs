//! A request for pictures: `POST /api/v1/generate/image`.

use super::{
    Fields, Invalid, Picture, Pictures, Read,
    asked::{SEEDS, deadline, given_parameters, model, parameters, priority},
    edit::{self, Begun, STRENGTH},
    read_prompt,
};
use crate::{
    catalog::{Catalog, Modality, STEPS},
    media::MediaType,
    parameter::Parameters,
    price::{PriceList, Unit, Usage},
    secret::Prompt,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields of the body that are a model's parameters by another place: `{"width": 512}` is `{"modelParams": {"width": 512}}`.
pub const IMAGE_PARAMETERS: [&str; 7] = ["width", "height", "numImages", "seed", "format", "quality", STRENGTH];

/// A checked request for pictures. Its parameters are complete: defaults are filled in and the seed is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageRequest {
    /// What to draw.
    pub prompt: Prompt,
    /// The picture that is to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Picture>,
    /// Where it is to be painted anew; the rest of it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Picture>,
    /// Everything else, by the model's own declaration.
    pub parameters: Parameters,
}

impl ImageRequest {
    /// A request in words alone.
    pub const fn new(prompt: Prompt, parameters: Parameters) -> Self {
        Self { prompt, image: None, mask: None, parameters }
    }

    /// The pictures that it begins with.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.image.iter().chain(&self.mask)
    }

    /// How many pictures are wanted.
    pub fn count(&self) -> u64 {
        self.parameters.get("numImages").and_then(Value::as_u64).unwrap_or(1)
    }

    /// The seed of the picture at `index`. Each picture has its own, so that one of four can be made again alone.
    pub fn seed(&self, index: u64) -> Option<u64> {
        let first = self.parameters.get("seed").and_then(Value::as_u64)?;
        Some((first + index) % SEEDS)
    }

    /// The type of file that was asked for, or nothing when the model leaves no choice.
    pub fn format(&self) -> Option<MediaType> {
        match self.parameters.get("format")?.as_str()? {
            "png" => Some(MediaType::Png),
            "jpeg" => Some(MediaType::Jpeg),
            "webp" => Some(MediaType::Webp),
            _ => None,
        }
    }

    /// What so many pictures use of what `list` prices, when they take so many seconds together.
    pub(super) fn usage(&self, list: &PriceList, pictures: u64, seconds: u64) -> Usage {
        let steps = self.parameters.get(STEPS).and_then(Value::as_u64);
        let counted = [
            (Unit::Image, Some(pictures)),
            (Unit::InputImage, Some((self.pictures().count() as u64).saturating_mul(pictures))),
            (Unit::Step, steps.map(|steps| steps.saturating_mul(pictures))),
            (Unit::Second, Some(seconds)),
            (Unit::Characters, Some(self.prompt.expose().chars().count() as u64)),
            (Unit::Call, Some(1)),
        ];
        let priced = counted.into_iter().filter(|(unit, _)| list.rate(*unit).is_some());
        let usage: Usage = priced.filter_map(|(unit, quantity)| Some((unit, quantity?))).collect();
        // A list that prices nothing of this has to say so by the unit that is usual.
        if usage.iter().next().is_some() { usage } else { Usage::of(Unit::Image, pictures) }
    }
}

/// Reads the body of a request for pictures. `pictures` is what became of those that [`super::edit_pictures_of`] found in it; `random` draws the seed where none is given; `now` dates the deadline.
pub fn read_image<'c>(
    body: &Value,
    catalog: &'c Catalog,
    pictures: &Pictures,
    random: u64,
    now: Timestamp,
) -> Result<Read<'c, ImageRequest>, Invalid> {
    let mut fields = Fields::of(body)?;
    let mut warnings = Vec::new();
    let prompt = prompt(&mut fields);
    let model = model(&mut fields, catalog, &[Modality::Image], &mut warnings);
    if let (Some(prompt), Some(limit)) = (&prompt, model.and_then(|model| model.max_prompt_bytes))
        && prompt.expose().len() > limit
    {
        let bytes = prompt.expose().len();
        fields
            .fault("prompt", format!("must have at most {limit} bytes in UTF-8 for this model; this one has {bytes}"));
    }
    let deadline = deadline(&mut fields, now);
    let priority = priority(&mut fields);
    let begun = edit::pictures(&mut fields, pictures);
    if let Some(model) = model {
        edit::check(&mut fields, catalog, model, &begun);
    }
    let given = given_parameters(&mut fields, &IMAGE_PARAMETERS);
    let named: Vec<&str> = given.iter().map(|(_, name, _)| *name).collect();
    let parameters = model.map(|model| parameters(&mut fields, catalog, model, given, random, &mut warnings));
    let read = match (prompt, model, parameters) {
        (Some(prompt), Some(model), Some(mut parameters)) => {
            if let Some(raster) = begun.image.as_ref().and_then(|image| image.raster) {
                edit::follow_size(model, &mut parameters, &named, raster, &mut warnings);
            } else if parameters.remove(STRENGTH).is_some() && named.contains(&STRENGTH) {
                warnings.push(format!("{STRENGTH}: ignored, for there is no image to change"));
            }
            let Begun { image, mask } = begun;
            let request = ImageRequest { prompt, image, mask, parameters };
            Some(Read { model, request, deadline, priority, warnings })
        }
        _ => None,
    };
    fields.finish(read)
}

fn prompt(fields: &mut Fields<'_>) -> Option<Prompt> {
    match fields.take("prompt") {
        None => fields.fault("prompt", "is required"),
        Some(Value::String(text)) => match read_prompt(text) {
            Ok(prompt) => return Some(prompt),
            Err(fault) => fields.fault("prompt", fault),
        },
        Some(_) => fields.fault("prompt", "must be a text"),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

    fn faults(body: Value) -> Vec<(String, String)> {
        let catalog = Catalog::load(&[]).unwrap();
        let Err(Invalid(faults)) = read_image(&body, &catalog, &Pictures::new(), 5, NOW) else {
            panic!("accepted: {body}")
        };
        faults.into_iter().map(|f| (f.field, f.message)).collect()
    }

    #[test]
    fn a_bare_prompt_takes_every_default_and_a_drawn_seed() {
        let catalog = Catalog::load(&[]).unwrap();
        let read =
            read_image(&json!({"prompt": " a sea at dusk "}), &catalog, &Pictures::new(), (1 << 40) + 7, NOW).unwrap();
        assert_eq!(read.model.id, "sketch");
        assert_eq!(read.request.prompt.expose(), "a sea at dusk");
        assert_eq!((read.request.count(), read.request.seed(0)), (1, Some(7)));
        assert_eq!(read.request.format(), Some(MediaType::Png));
        assert!(read.warnings.is_empty() && read.deadline.is_none());
    }

    #[test]
    fn fields_and_model_params_are_the_same_parameters() {
        let catalog = Catalog::load(&[]).unwrap();
        let body = json!({"prompt": "x", "modelId": "sketch", "width": 512.0, "modelParams": {"height": 64, "seed": 4294967295u32},
            "numImages": 2, "format": "webp", "quality": null, "deadline": "2999-01-01T00:00:00Z"});
        let read = read_image(&body, &catalog, &Pictures::new(), 5, NOW).unwrap();
        let p = &read.request.parameters;
        assert_eq!((&p["width"], &p["height"], &p["quality"]), (&json!(512), &json!(64), &json!("hd")));
        assert_eq!((read.request.seed(0), read.request.seed(1)), (Some(4_294_967_295), Some(0)), "seeds wrap");
        assert!(read.deadline.is_some());
    }

    #[test]
    fn f21_the_old_provider_field_works_with_a_warning() {
        let catalog = Catalog::load(&[]).unwrap();
        let read =
            read_image(&json!({"prompt": "x", "provider": "sketch"}), &catalog, &Pictures::new(), 5, NOW).unwrap();
        assert_eq!(read.model.id, "sketch");
        assert!(read.warnings[0].contains("modelId"), "{:?}", read.warnings);
    }

    #[test]
    fn a_prompt_is_bounded_in_bytes_where_its_price_is() {
        let prompt = "\u{1F5FC} ".repeat(600);
        assert!(prompt.chars().count() <= 2000 && prompt.len() > 2000);
        let found = faults(json!({"prompt": prompt, "modelId": "gpt-image-2"}));
        assert!(found.iter().any(|(field, words)| field == "prompt" && words.contains("2000 bytes")), "{found:?}");
        let catalog = Catalog::load(&[]).unwrap();
        assert!(
            read_image(&json!({"prompt": prompt, "modelId": "sketch"}), &catalog, &Pictures::new(), 5, NOW).is_ok()
        );
    }

    #[test]
    fn every_fault_is_named_with_what_is_allowed() {
        for (body, field, word) in [
            (json!([]), "body", "object"),
            (json!({}), "prompt", "required"),
            (json!({"prompt": 7}), "prompt", "text"),
            (json!({"prompt": "x", "width": "wide"}), "width", "64 to 2048"),
            (json!({"prompt": "x", "width": []}), "width", "whole number"),
            (json!({"prompt": "x", "numImages": true}), "numImages", "1 to 4"),
            (json!({"prompt": "x", "format": "gif"}), "format", "png, jpeg, webp"),
            (json!({"prompt": "x", "colour": "red"}), "colour", "known are"),
            (json!({"prompt": "x", "modelId": "skecth"}), "modelId", "sketch"),
            (json!({"prompt": "x", "modelId": 1}), "modelId", "text"),
            (json!({"prompt": "x", "modelId": "sketch", "model": "sketch"}), "model", "older name"),
            (json!({"prompt": "x", "provider": "acme"}), "provider", "sketch"),
            (json!({"prompt": "x", "modelId": "sketch", "provider": "acme"}), "provider", "contradicts"),
            (json!({"prompt": "x", "modelParams": {"width": {}}}), "modelParams.width", "64"),
            (json!({"prompt": "x", "modelId": "runway-gen-4"}), "modelId", "today it is \"runway-gen4\""),
            (json!({"prompt": "x", "width": 64, "modelParams": {"width": 64}}), "width", "twice"),
            (json!({"prompt": "x", "modelParams": 3}), "modelParams", "object"),
            (json!({"prompt": "x", "deadline": "soon"}), "deadline", "ISO 8601"),
            (json!({"prompt": "x", "priority": "now"}), "priority", "low, normal, high"),
            (json!({"prompt": "x", "priority": 1}), "priority", "text"),
            (json!({"prompt": "x", "deadline": "2001-01-01T00:00:00Z"}), "deadline", "over"),
        ] {
            let found = faults(body.clone());
            assert!(found.iter().any(|(f, m)| f == field && m.contains(word)), "{body}: {found:?}");
        }
        assert_eq!(faults(json!({"width": [], "height": [], "x": 1})).len(), 4, "all faults at once");
    }

    #[test]
    fn what_can_be_meant_is_taken_with_a_warning() {
        let catalog = Catalog::load(&[]).unwrap();
        let body = json!({"prompt": "x", "width": 63, "height": "512", "numImages": 9, "format": "PNG", "seed": -2,
            "modelParams": {"steps": 3, "cfg": 7}});
        let read = read_image(&body, &catalog, &Pictures::new(), 5, NOW).unwrap();
        let p = &read.request.parameters;
        assert_eq!((&p["width"], &p["height"], &p["numImages"]), (&json!(64), &json!(512), &json!(4)));
        assert_eq!((&p["format"], &p["seed"]), (&json!("png"), &json!(5)), "-2 is moved to -1, which is drawn");
        assert!(!p.contains_key("steps") && !p.contains_key("cfg"), "what has no price is not passed on");
        let warned = |words: &[&str]| read.warnings.iter().any(|w| words.iter().all(|word| w.contains(word)));
        assert!(warned(&["width", "64 to 2048", "64 was taken"]), "{:?}", read.warnings);
        assert!(warned(&["modelParams.cfg, modelParams.steps", "ignored"]) && warned(&["numImages"]));
        assert_eq!(read.warnings.len(), 4, "{:?}", read.warnings);
    }

    #[test]
    fn f21_an_old_name_of_a_model_is_taken_with_a_warning() {
        let catalog = Catalog::load(&[]).unwrap();
        let read =
            read_image(&json!({"prompt": "x", "modelId": "dall-e-3"}), &catalog, &Pictures::new(), 5, NOW).unwrap();
        assert_eq!(read.model.id, "gpt-image-2");
        assert!(
            read.warnings[0].contains("dall-e-3") && read.warnings[0].contains("gpt-image-2"),
            "{:?}",
            read.warnings
        );
        let own = "[[models]]\nid = \"dall-e-3\"\nmodality = \"image\"\nprovider = \"sketch\"";
        let own: BTreeMap<String, Vec<crate::catalog::ModelEntry>> = toml::from_str(own).unwrap();
        let catalog = Catalog::load(&own["models"]).unwrap();
        let read =
            read_image(&json!({"prompt": "x", "modelId": "dall-e-3"}), &catalog, &Pictures::new(), 5, NOW).unwrap();
        assert_eq!(read.model.id, "dall-e-3", "a name that is in use is not old");
        assert!(read.warnings.is_empty());
    }
}
