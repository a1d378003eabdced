//! The built-in catalog, what lies over it, and what is refused.

use super::*;
use crate::{
    money::Nanos,
    parameter::Parameters,
    price::{Unit, Usage},
};

fn entries(text: &str) -> Vec<ModelEntry> {
    #[derive(Deserialize)]
    struct File {
        models: Vec<ModelEntry>,
    }
    toml::from_str::<File>(text).unwrap().models
}

const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

#[test]
fn the_built_in_catalog_loads_and_the_default_image_model_is_free_and_offline() {
    let catalog = Catalog::load(&[]).unwrap();
    let model = catalog.default_of(Modality::Image).unwrap();
    assert_eq!((model.id.as_str(), model.provider.as_str()), ("sketch", "sketch"));
    assert_eq!(model.price_at(NOW).unwrap().cost(&Usage::of(Unit::Image, 4)), Ok(Nanos::ZERO));
    for model in catalog.models() {
        assert!(!model.description.is_empty() && !model.prices.is_empty(), "{}", model.id);
    }
}

#[test]
fn configured_models_lie_over_the_built_in_ones() {
    let catalog = Catalog::load(&entries(
        r#"
        [[models]]
        id = "sketch"
        [models.prices]
        image = 0.002
        [[models]]
        id = "mine"
        modality = "image"
        provider = "sketch"
        upstream = "sketch"
        default = true
        aliases = ["m"]
        [models.prices]
        image = "0.05"
        [models.parameters]
        width = { kind = "integer", min = 64, max = 128, default = 64 }
        "#,
    ))
    .unwrap();
    let sketch = catalog.find("sketch").unwrap();
    assert_eq!(sketch.price_at(NOW).unwrap().cost(&Usage::of(Unit::Image, 3)), Ok(Nanos::new(6_000_000)));
    assert!(sketch.price_at(NOW).unwrap().version.starts_with("config-"));
    let mine = catalog.find("m").unwrap();
    assert_eq!(catalog.default_of(Modality::Image).unwrap().id, "mine");
    assert_eq!(mine.parameters["height"], sketch.parameters["height"], "it runs what sketch runs");
    assert_ne!(mine.parameters["width"], sketch.parameters["width"]);
}

#[test]
fn contradictions_are_refused_by_name() {
    for (text, word) in [
        ("[[models]]\nid = \"new\"\nprovider = \"x\"", "modality"),
        ("[[models]]\nid = \"new\"\nmodality = \"image\"", "provider"),
        ("[[models]]\nid = \"a b\"", "id must be"),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\npicture = 1", "picture"),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\nimage = -1", "negative"),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\nstep = 1", "steps"),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\noutput_tokens = 1", "output_tokens"),
        ("[[models]]\nid = \"guide\"\n[models.prices]\ninput_tokens = 1\noutput_tokens = 1\nsecond = 1", "second"),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\nfrom = \"2026-13-01\"\nimage = 1", "2026-11-24"),
        ("[[models]]\nid = \"sketch\"\n[[models.prices]]\nimage = 1\n[[models.prices]]\nimage = 2", "same day"),
        ("[[models]]\nid = \"n\"\nmodality = \"image\"\nprovider = \"x\"\naliases = [\"sketch\"]", "alias"),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 1\nby = [{ when = { size = 1 }, image = 1 }]", "size"),
        (
            "[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 1\nby = [{ when = { width = 1 }, image = 1 }]",
            "width",
        ),
        ("[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 1\nby = [{ when = {}, call = 1 }]", "Call"),
        ("[[models]]\nid = \"sketch\"\n[models.parameters]\nwidth = { kind = \"integer\", min = 9, max = 1 }", "width"),
    ] {
        let error = Catalog::load(&entries(text)).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn prices_change_on_their_day() {
    let mut model = Catalog::load(&[]).unwrap().find("sketch").unwrap().clone();
    let mut later = model.prices[0].clone();
    later.from = "2027-01-01".into();
    later.version = "later".into();
    model.prices.push(later);
    assert_eq!(model.price_at(NOW).unwrap().version, "2026-11-24");
    assert_eq!(model.price_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).unwrap().version, "later");
    assert_eq!(
        model.price_at(Timestamp::from_millis(0)).unwrap().version,
        "2026-11-24",
        "a clock that is off prices too"
    );
}

#[test]
fn a_price_list_may_begin_on_a_day_and_what_was_before_it_stays_until_then() {
    let price_on = |catalog: &Catalog, id: &str, day: &str| {
        let day = Timestamp::parse(&format!("{day}T00:00:00Z")).unwrap();
        catalog.find(id).unwrap().price_at(day).and_then(|list| list.rate(Unit::Image)).map(|rate| rate / 1_000_000_000)
    };
    let two = "id = \"two\"\nmodality = \"image\"\nprovider = \"x\"\n";
    let text = format!(
        "[[models]]\nid = \"sketch\"\n[models.prices]\nfrom = \"2027-01-01\"\nimage = 0.001\n\
         [[models]]\n{two}[[models.prices]]\nfrom = \"2027-02-01\"\nimage = 0.003\n\
         [[models.prices]]\nfrom = \"2027-01-01\"\nimage = 0.002\n"
    );
    let catalog = Catalog::load(&entries(&text)).unwrap();
    let prices = |id| ["2026-12-31", "2027-01-01", "2027-02-01"].map(|day| price_on(&catalog, id, day));
    assert_eq!(prices("sketch"), [Some(0), Some(1000), Some(1000)], "the built-in list until then");
    assert_eq!(prices("two"), [None, Some(2000), Some(3000)], "without one until then it has no price");
}

#[test]
fn openai_images_cost_by_quality_and_size_and_nothing_costs_more_than_its_list_says() {
    let catalog = Catalog::load(&[]).unwrap();
    let models: Vec<_> =
        catalog.models().iter().filter(|m| m.provider == "openai" && m.modality == Modality::Image).collect();
    assert_eq!(models.len(), 3);
    for model in models {
        assert!(!model.parameters.contains_key("seed"), "{}: the API takes none", model.id);
        let list = model.price_at(NOW).unwrap();
        for (quality, square, long, large) in [("low", 16, 19, 24), ("medium", 63, 90, 130), ("high", 221, 327, 485)] {
            for (width, height, price) in
                [(1024, 1024, square), (1536, 1024, long), (1024, 1536, long), (1536, 1536, large)]
            {
                let parameters = Parameters::from([
                    ("quality".into(), quality.into()),
                    ("width".into(), width.into()),
                    ("height".into(), height.into()),
                ]);
                let cost = list.settled_for(&parameters).cost(&Usage::of(Unit::Image, 2)).unwrap();
                assert_eq!(cost, Nanos::new(price * 2_000_000), "{} {quality} {width}x{height}", model.id);
            }
        }
    }
}

#[test]
fn near_names_are_suggested() {
    let catalog = Catalog::load(&[]).unwrap();
    assert_eq!(catalog.nearest("skecth", &[Modality::Image])[0], "sketch");
    assert_eq!(catalog.nearest("gpt-image2", &[Modality::Image])[0], "gpt-image-2");
    assert_eq!(distance("kitten", "sitting"), 3);
}

#[test]
fn a_chat_model_takes_its_bounds_and_prices() {
    let catalog = Catalog::load(&entries(
        r#"
        [[models]]
        id = "mine"
        modality = "chat"
        provider = "lan"
        max_output = 500
        default_max_output = 50
        context_tokens = 2000
        vision = false
        idle_limit_s = 5
        [models.prices]
        input_tokens = 2
        output_tokens = "8.5"
        cached_input_tokens = 0.0125
        "#,
    ))
    .unwrap();
    let mine = catalog.find("mine").unwrap();
    assert_eq!(
        mine.parameters[MAX_OUTPUT_TOKENS],
        Parameter::Integer { min: 1, max: 500, step: None, default: Some(50) }
    );
    assert_eq!((mine.chat.context_tokens, mine.chat.vision, mine.chat.tools), (2000, false, true));
    let prices = mine.price_at(NOW).unwrap();
    assert_eq!(prices.cost(&Usage::of(Unit::CachedInputTokens, 1)), Ok(Nanos::new(13)));
    assert_eq!(prices.cost(&Usage::of(Unit::OutputTokens, 2)), Ok(Nanos::new(17_000)));
    for (modality, id) in [(Modality::Chat, "guide"), (Modality::Title, "title")] {
        let model = catalog.default_of(modality).unwrap();
        assert_eq!(model.id, id);
        assert_eq!(model.price_at(NOW).unwrap().cost(&Usage::of(Unit::OutputTokens, 9)), Ok(Nanos::ZERO));
    }
}
