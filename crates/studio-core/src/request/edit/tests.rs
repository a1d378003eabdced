//! Which pictures a request may begin with, what is refused by name, and which size follows from them.

use super::*;
use crate::{
    catalog::ModelEntry,
    id::AssetId,
    job::ContentHash,
    price::Unit,
    request::{ImageRequest, Invalid, Read, read_image},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

/// Two models more: one that takes words alone, one that takes no mask.
fn catalog() -> Catalog {
    #[derive(Deserialize)]
    struct File {
        models: Vec<ModelEntry>,
    }
    let text = r#"
        [[models]]
        id = "words"
        modality = "image"
        provider = "lab"
        [[models]]
        id = "maskless"
        modality = "image"
        provider = "lab"
        inputs = { image = true }
    "#;
    Catalog::load(&toml::from_str::<File>(text).unwrap().models).unwrap()
}

fn shown(width: u32, height: u32, alpha: bool) -> Picture {
    let asset = AssetId::new(NOW, [4; 10]);
    let raster = Some(Raster { width, height, alpha });
    Picture { asset, hash: ContentHash([5; 32]), media_type: MediaType::Png, bytes: 9, tokens: 0, raster }
}

/// Every picture that the body names is of this size.
fn read<'c>(catalog: &'c Catalog, body: &Value, picture: &Picture) -> Result<Read<'c, ImageRequest>, Invalid> {
    let pictures = edit_pictures_of(body).into_iter().map(|(path, source)| match source {
        PictureSource::Elsewhere(_) => (path, Err("is elsewhere".to_owned())),
        _ => (path, Ok(picture.clone())),
    });
    read_image(body, catalog, &pictures.collect(), 5, NOW)
}

fn fault(body: Value, picture: &Picture) -> String {
    let catalog = catalog();
    let Err(Invalid(faults)) = read(&catalog, &body, picture) else { panic!("accepted: {body}") };
    faults.into_iter().map(|fault| format!("{}: {}; ", fault.field, fault.message)).collect()
}

#[test]
fn a_picture_may_be_named_in_every_way() {
    let catalog = catalog();
    let id = AssetId::new(NOW, [4; 10]).to_string();
    for image in [
        json!(id),
        json!({ "assetId": id }),
        json!(format!("/api/v1/assets/{id}")),
        json!(format!("/api/v1/assets/{id}/thumbnail?x")),
        json!("DATA:image/png;base64,AAAA"),
        json!({ "url": "data:image/png;base64,AAAA" }),
    ] {
        for (image_name, mask_name) in [("image", "mask"), ("imageUrl", "maskUrl")] {
            let body = json!({ "prompt": "x", image_name: image, mask_name: image });
            let request = read(&catalog, &body, &shown(512, 256, false)).unwrap().request;
            assert!(request.image.is_some() && request.mask.is_some(), "{body}");
        }
    }
    let body = json!({ "image": format!("/api/v1/assets/{id}/thumbnail"), "mask": { "assetId": "x" } });
    let sources = edit_pictures_of(&body);
    assert_eq!(sources[0], ("image".to_owned(), PictureSource::Asset(&id)));
    assert_eq!(sources[1], ("mask".to_owned(), PictureSource::Asset("x")));
    let body = json!({ "image": "https://example.org/a.png" });
    assert_eq!(edit_pictures_of(&body)[0].1, PictureSource::Elsewhere("https://example.org/a.png"));
}

#[test]
fn what_can_not_be_done_is_refused_by_name() {
    let small = shown(512, 256, false);
    for (body, picture, words) in [
        (json!({ "prompt": "x", "mask": "a" }), &small, "mask: needs image"),
        (json!({ "prompt": "x", "image": 7 }), &small, "image: must be an asset's id"),
        (json!({ "prompt": "x", "image": { "assetId": "a", "url": "b" } }), &small, "image: must be an asset's id"),
        (json!({ "prompt": "x", "image": "a", "imageUrl": "b" }), &small, "imageUrl: is another name of image"),
        (json!({ "prompt": "x", "image": "ftp://example.org" }), &small, "image: is elsewhere"),
        (json!({ "prompt": "x", "image": "a", "modelId": "words" }), &small, "models that do are sketch, gpt-image-2"),
        (
            json!({ "prompt": "x", "image": "a", "mask": "a", "modelId": "maskless" }),
            &small,
            "mask: is given, and maskless takes none",
        ),
        (
            json!({ "prompt": "x", "image": "a", "mask": "a", "modelId": "gpt-image-2" }),
            &small,
            "as large as image, 512x256",
        ),
        (json!({ "prompt": "x", "image": "a" }), &shown(16_385, 9, false), "16384 pixels on a side"),
        (json!({ "prompt": "x", "image": "a" }), &shown(10_000, 5001, false), "50 million pixels"),
        (json!({ "prompt": "x", "image": "a" }), &Picture { raster: None, ..small.clone() }, "does not say how large"),
    ] {
        let told = fault(body.clone(), picture);
        assert!(told.contains(words), "{body}: {told}");
    }
}

#[test]
fn the_size_follows_the_picture_unless_it_is_said() {
    let catalog = catalog();
    for (model, more, (width, height), expected, warned) in [
        ("sketch", json!({}), (512, 256), [512, 256], false),
        ("sketch", json!({}), (4000, 3000), [2048, 1536], true),
        ("sketch", json!({}), (40, 30), [85, 64], true),
        ("sketch", json!({}), (10_000, 100), [2048, 64], true),
        ("sketch", json!({ "width": 1024 }), (512, 256), [1024, 512], false),
        ("sketch", json!({ "height": 100 }), (512, 256), [200, 100], false),
        ("sketch", json!({ "width": 100, "modelParams": { "height": 100 } }), (512, 256), [100, 100], false),
        ("gpt-image-2", json!({}), (800, 600), [1536, 1024], true),
        ("gpt-image-2", json!({}), (1024, 1024), [1024, 1024], false),
        ("gpt-image-2", json!({}), (600, 4000), [1024, 1536], true),
    ] {
        let mut body = json!({ "prompt": "x", "image": "a", "modelId": model });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let read = read(&catalog, &body, &shown(width, height, false)).unwrap();
        let parameters = &read.request.parameters;
        assert_eq!(["width", "height"].map(|name| parameters[name].as_u64().unwrap()), expected, "{body}");
        assert_eq!(read.warnings.iter().any(|told| told.contains("was taken")), warned, "{body}: {:?}", read.warnings);
    }
}

#[test]
fn a_strength_is_for_pictures_that_are_changed() {
    let catalog = catalog();
    let picture = shown(1024, 1024, true);
    let strength = |body: Value| {
        let read = read(&catalog, &body, &picture).unwrap();
        (read.request.parameters.get(STRENGTH).cloned(), read.warnings.len())
    };
    assert_eq!(strength(json!({ "prompt": "x" })), (None, 0));
    assert_eq!(strength(json!({ "prompt": "x", "strength": 0.3 })), (None, 1));
    assert_eq!(strength(json!({ "prompt": "x", "image": "a" })), (Some(json!(0.6)), 0));
    assert_eq!(strength(json!({ "prompt": "x", "image": "a", "strength": "0.3" })), (Some(json!(0.3)), 0));
    assert_eq!(strength(json!({ "prompt": "x", "image": "a", "modelId": "gpt-image-2", "strength": 1 })), (None, 1));
}

#[test]
fn pictures_that_are_shown_have_their_price() {
    let catalog = catalog();
    let cost = |body: Value| {
        let read = read(&catalog, &body, &shown(1024, 1024, true)).unwrap();
        let list = read.model.price_at(NOW).unwrap().settled_for(&read.request.parameters);
        let usage = read.request.usage(&list, read.request.count(), 1);
        (usage.quantity(Unit::InputImage), list.cost(&usage).unwrap().to_string())
    };
    let ask = |more: Value| {
        let mut body = json!({ "prompt": "x", "modelId": "gpt-image-2" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cost(body)
    };
    assert_eq!(ask(json!({})), (0, "0.063".to_owned()));
    assert_eq!(ask(json!({ "image": "a" })), (1, "0.127".to_owned()));
    assert_eq!(ask(json!({ "image": "a", "mask": "a", "numImages": 2 })), (4, "0.382".to_owned()));
    assert_eq!(cost(json!({ "prompt": "x", "image": "a" })), (0, "0".to_owned()));
}
