//! What must hold for every picture: it is repeatable, it follows the words, it never fails.

use super::lexicon::{Scene, Time, WORDS};
use super::{Brief, Format, Picture, Quality, Sketch, draw};

fn sketch(prompt: &str, seed: u64, width: u32, height: u32) -> Sketch {
    Sketch { prompt: prompt.to_owned(), seed, width, height, quality: Quality::Standard }
}

fn picture(prompt: &str, seed: u64, width: u32, height: u32) -> Picture {
    draw(&sketch(prompt, seed, width, height), &mut |_| true).expect("nobody stopped it")
}

/// Mean colour of each field of an 8 x 8 grid: how a picture looks with half-closed eyes.
fn squint(picture: &Picture) -> Vec<f32> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let mut sums = vec![0.0_f32; 8 * 8 * 3];
    for (i, pixel) in picture.pixels().chunks_exact(3).enumerate() {
        let field = (i / w * 8 / h) * 8 + i % w * 8 / w;
        for (channel, value) in pixel.iter().enumerate() {
            sums[field * 3 + channel] += f32::from(*value);
        }
    }
    let share = (w * h / 64) as f32;
    sums.iter().map(|sum| sum / share).collect()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
}

fn brightness(picture: &Picture) -> f32 {
    picture.pixels().iter().map(|v| f32::from(*v)).sum::<f32>() / picture.pixels().len() as f32
}

#[test]
fn the_same_request_gives_the_same_bytes_and_another_seed_another_picture() {
    for prompt in ["a sea at dusk", "a dense forest", "abstract", "a portrait of a robot"] {
        let (a, b, other) = (picture(prompt, 7, 128, 96), picture(prompt, 7, 128, 96), picture(prompt, 8, 128, 96));
        for format in [Format::Png, Format::Jpeg, Format::Webp] {
            assert_eq!(a.encode(format).unwrap(), b.encode(format).unwrap(), "{prompt} {format:?}");
        }
        assert!(distance(&squint(&a), &squint(&other)) > 2.0, "{prompt}: seeds hardly differ");
    }
}

#[test]
fn quality_keeps_the_composition() {
    let standard = picture("mountains at dawn", 3, 160, 120);
    let request = Sketch { quality: Quality::Hd, ..sketch("mountains at dawn", 3, 160, 120) };
    let hd = draw(&request, &mut |_| true).unwrap();
    assert_ne!(standard, hd);
    assert!(distance(&squint(&standard), &squint(&hd)) < 12.0);
}

#[test]
fn every_format_decodes_to_the_right_size() {
    let picture = picture("a cat", 1, 100, 72);
    for (format, kind) in [
        (Format::Png, image::ImageFormat::Png),
        (Format::Jpeg, image::ImageFormat::Jpeg),
        (Format::Webp, image::ImageFormat::WebP),
    ] {
        let file = picture.encode(format).unwrap();
        let decoded = image::load_from_memory_with_format(&file, kind).unwrap().to_rgb8();
        assert_eq!(decoded.dimensions(), (100, 72));
        if format != Format::Jpeg {
            assert_eq!(decoded.as_raw(), picture.pixels(), "{format:?} is lossless");
        }
        assert!(!format.extension().is_empty() && format.media_type().starts_with("image/"));
    }
}

#[test]
fn different_prompts_look_different() {
    let prompts = [
        "a sea at dusk",
        "a dense forest",
        "a neon city at night in the rain",
        "an abstract mood, calm and warm",
        "snowy mountains under northern lights",
        "a desert with a lone cactus at noon",
        "a field of flowers in spring",
        "a portrait of a robot",
        "planets and stars",
        "a cup of coffee on a table",
        "a cat",
        "a lighthouse in a storm",
    ];
    let looks: Vec<Vec<f32>> = prompts.iter().map(|prompt| squint(&picture(prompt, 1, 96, 96))).collect();
    for (i, a) in looks.iter().enumerate() {
        for (j, b) in looks.iter().enumerate().skip(i + 1) {
            assert!(distance(a, b) > 12.0, "{} / {}: {}", prompts[i], prompts[j], distance(a, b));
        }
    }
}

#[test]
fn unknown_words_steer_the_picture_too() {
    let unknown = ["zxqv blorf", "flumph", "qwertz asdf", "日本語の言葉", "🦀🦀", "🐙", "?!"];
    let looks: Vec<Vec<f32>> = unknown.iter().map(|prompt| squint(&picture(prompt, 1, 96, 96))).collect();
    for (i, a) in looks.iter().enumerate() {
        for (j, b) in looks.iter().enumerate().skip(i + 1) {
            assert!(distance(a, b) > 4.0, "{} / {}", unknown[i], unknown[j]);
        }
    }
}

#[test]
fn hostile_prompts_are_drawn_like_any_other() {
    let long = "a very long sea of words ".repeat(90);
    let marks = "e\u{301}\u{302}\u{303}".repeat(300);
    let bytes: String = (0_u32..0x300).filter_map(char::from_u32).collect();
    for prompt in [
        "",
        " ",
        "\0",
        "\0\0sea\0",
        "\u{202E}مرحبا بالعالم",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "ﷺ".repeat(500).as_str(),
        "no",
        "without",
        "İıẞ",
        &long,
        &marks,
        &bytes,
    ] {
        let drawn = picture(prompt, u64::MAX, 64, 64);
        assert_eq!(drawn.pixels().len(), 64 * 64 * 3);
    }
}

#[test]
fn every_word_of_the_lexicon_can_be_drawn() {
    for (row, (words, _)) in WORDS.iter().enumerate() {
        let seed = row as u64;
        let drawn = picture(words[0], seed, 64, 64);
        let look = squint(&drawn);
        let mean = look.iter().sum::<f32>() / look.len() as f32;
        let spread = look.iter().map(|v| (v - mean).abs()).sum::<f32>() / look.len() as f32;
        assert!(spread > 1.5, "{} is an empty picture", words[0]);
    }
}

#[test]
fn all_shapes_of_canvas_work() {
    for (width, height) in [(64, 64), (2048, 64), (64, 1024), (640, 80), (65, 257), (1, 9000)] {
        for prompt in [
            "a sea with a boat",
            "forest in rain",
            "city at night",
            "snow mountains",
            "a cat",
            "cup",
            "robot",
            "planet",
            "field",
            "desert cactus",
        ] {
            // The largest sides are slow in the dev profile; one scene each is enough there.
            if width.max(height) > 1500 && prompt != "city at night" {
                continue;
            }
            let drawn = picture(prompt, 5, width, height);
            assert_eq!((drawn.width(), drawn.height()), (width.clamp(64, 2048), height.clamp(64, 2048)));
        }
    }
}

#[test]
fn stopping_is_quick_and_gives_nothing() {
    for stop_after in [0, 1, 5, 12] {
        let mut asked = 0;
        let drawn = draw(&sketch("a storm at sea", 1, 256, 256), &mut |_| {
            asked += 1;
            asked <= stop_after
        });
        assert!(drawn.is_none());
        assert_eq!(asked, stop_after + 1, "asked again after being told to stop");
    }
}

#[test]
fn progress_only_grows_and_ends_at_one() {
    let mut last = 0.0;
    draw(&sketch("a city", 1, 300, 200), &mut |progress| {
        assert!(progress >= last && progress <= 1.0);
        last = progress;
        true
    });
    assert!((last - 1.0).abs() < f32::EPSILON);
}

#[test]
fn nights_are_dark_and_noons_are_bright() {
    for place in ["sea", "mountains", "forest", "desert", "city", "field"] {
        for seed in 0..3 {
            let night = brightness(&picture(&format!("{place} at night"), seed, 80, 64));
            let noon = brightness(&picture(&format!("{place} at noon"), seed, 80, 64));
            assert!(night + 25.0 < noon, "{place}: night {night}, noon {noon}");
        }
    }
}

#[test]
fn colour_words_colour_the_picture() {
    let channels = |prompt: &str| {
        let look = squint(&picture(prompt, 2, 80, 80));
        [0, 1, 2].map(|c| look.iter().skip(c).step_by(3).sum::<f32>() / 64.0)
    };
    for place in ["mountains", "abstract", "forest"] {
        let [plain, red, blue] = ["", "red ", "blue "].map(|colour| channels(&format!("{colour}{place}")));
        assert!(red[0] - red[2] > plain[0] - plain[2], "{place}: red is not redder");
        assert!(blue[2] - blue[0] > red[2] - red[0] + 20.0, "{place}: blue is not bluer");
        let grey = channels(&format!("monochrome {place}"));
        assert!((grey[0] - grey[2]).abs() < 6.0, "{place}: {grey:?} is not grey");
    }
}

#[test]
fn words_are_understood_in_four_languages_and_in_the_plural() {
    for (prompt, scene) in [
        ("Das Meer am Abend", Scene::Sea),
        ("ein dunkler Wald", Scene::Forest),
        ("la forêt en automne", Scene::Forest),
        ("fore\u{302}t", Scene::Forest),
        ("una ciudad de noche", Scene::City),
        ("las montañas", Scene::Mountains),
        ("Berge im Winter", Scene::Mountains),
        ("two cats", Scene::Creature),
        ("cities", Scene::City),
        ("leaves of books", Scene::StillLife),
        ("a lighthouse in a storm", Scene::Sea),
        ("a lighthouse on a cliff at dusk", Scene::Sea),
        ("a portrait of a fox in the forest", Scene::Portrait),
        ("rain", Scene::City),
    ] {
        assert_eq!(Brief::read(prompt).scene, scene, "{prompt}");
    }
    assert_eq!(Brief::read("atardecer en el mar").time, Time::Dusk);
    assert_eq!(Brief::read("northern lights").time, Time::Night);
    assert!(Brief::read("a beach without rain").weather.is_empty());
}
