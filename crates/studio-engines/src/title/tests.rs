//! Conversations as people have them, and the words that a title must have.

use super::*;

/// What was said, and the words that must be in the title, whatever their case.
const CONVERSATIONS: [(&str, &[&str]); 34] = [
    ("How do I bake sourdough bread without a Dutch oven?", &["sourdough", "bread"]),
    ("can you help me plan a 5 day trip to Japan in April with two kids", &["trip", "Japan"]),
    ("Write a cover letter for a marketing internship at Spotify", &["cover", "letter"]),
    (
        "My Python script throws a KeyError when I parse JSON from the API. Here is the code:\n```python\nprint(data['x'])\n```",
        &["KeyError"],
    ),
    ("What's the difference between TCP and UDP?", &["TCP", "UDP"]),
    ("Explain quantum entanglement like I'm five", &["quantum", "entanglement"]),
    ("I want to lose 10 kg before summer, can you make me a workout plan?", &["10 kg"]),
    ("translate 'good morning, how did you sleep' into Japanese", &["Japanese"]),
    ("Hi! I'm looking for birthday gift ideas for my dad who likes fishing and woodworking.", &["birthday", "gift"]),
    ("how to center a div in CSS using flexbox", &["div", "CSS"]),
    ("Summarize the plot of Hamlet in three sentences", &["plot", "Hamlet"]),
    ("My landlord won't return my security deposit. What can I do?", &["security", "deposit"]),
    ("Give me a recipe for vegan lasagna with spinach", &["vegan", "lasagna"]),
    ("Which laptop should I buy for video editing under 1500 euros?", &["laptop", "video", "editing"]),
    ("PLEASE HELP ME FIX MY PRINTER IT PRINTS BLANK PAGES", &["printer"]),
    ("Generate a picture of a lighthouse in a storm, oil painting style", &["lighthouse", "storm"]),
    (
        "Our Kubernetes pods keep restarting with OOMKilled. Memory limits are 512Mi. How do I debug the memory leak?",
        &["Kubernetes", "pods"],
    ),
    ("Who was the first woman in space?", &["woman", "space"]),
    ("I need a SQL query that finds duplicate rows in a customers table", &["SQL", "duplicate"]),
    ("Should I refinance my mortgage now that interest rates dropped?", &["refinance", "mortgage"]),
    (
        "Proofread this email: Dear team, the release is postponed until Monday because of a critical bug.",
        &["release", "postponed"],
    ),
    ("Make me a song about my dog Bruno, in the style of a sea shanty", &["dog", "Bruno"]),
    ("what are the side effects of ibuprofen", &["side", "effects", "ibuprofen"]),
    ("Compare React and Svelte for a small dashboard project", &["React", "Svelte"]),
    ("I'm feeling anxious about my job interview tomorrow at Google", &["job", "interview"]),
    ("What does the idempotency key do in the studio API?", &["idempotency", "key"]),
    ("Train a LoRA on 20 photos of my ceramics", &["LoRA"]),
    ("C++ vs Rust for embedded systems?", &["C++", "Rust"]),
    ("Explain the French Revolution to a ten year old", &["French", "Revolution"]),
    ("https://example.com/article/42 summarise this article about coral reefs please", &["coral", "reefs"]),
    ("Wie kann ich mein Fahrrad selbst reparieren?", &["Fahrrad", "reparieren"]),
    ("¿Cómo puedo aprender a tocar la guitarra?", &["guitarra"]),
    ("Comment faire une tarte aux pommes sans gluten ?", &["tarte", "pommes"]),
    ("日本の首都はどこですか？", &["日本"]),
];

#[test]
fn titles_have_the_words_that_matter() {
    let mut missed = Vec::new();
    for (text, words) in CONVERSATIONS {
        let title = title(text);
        let lower = title.to_lowercase();
        if words.iter().any(|word| !lower.contains(&word.to_lowercase())) {
            missed.push((title, text));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn titles_look_like_titles() {
    for (text, _) in CONVERSATIONS {
        let title = title(text);
        let words = title.split(' ').count();
        assert!((1..=MAX_WORDS).contains(&words) && title.chars().count() <= MAX_CHARS, "{title}");
        assert!(
            !title.ends_with(['.', ',', '?', '!', ':', ';', '-']) && !title.starts_with(char::is_whitespace),
            "{title}"
        );
        assert!(!title.starts_with(char::is_lowercase) || title.starts_with("iP"), "{title}");
    }
}

#[test]
fn names_and_acronyms_stay_as_they_are_written() {
    assert_eq!(title("How does the iPhone NFC chip work"), "iPhone NFC chip");
    assert_eq!(title("Why is my node.js app slow"), "node.js app slow");
}

#[test]
fn there_is_a_title_for_everything() {
    for (text, wanted) in [
        ("Hi", "Hi"),
        ("hello, how are you?", "Hello how are you"),
        ("???", NOTHING),
        ("", NOTHING),
        ("\n \t", NOTHING),
        ("🦀🦀", NOTHING),
        ("```\nfn main() {}\n```", "Fn main"),
        ("https://example.com/", "https://example.com"),
    ] {
        assert_eq!(title(text), wanted, "{text:?}");
    }
    for text in [
        "x".repeat(2000),
        "ß".repeat(500),
        "語".repeat(2000),
        "word ".repeat(400),
        "a.b,c;d ".repeat(250),
        "''' ((( ".repeat(200),
    ] {
        let title = title(&text);
        assert!(!title.is_empty() && title.chars().count() <= MAX_CHARS, "{title}");
    }
}
