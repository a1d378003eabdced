//! What needs no search: greetings, thanks, and questions about the guide itself.

/// What it says of itself.
pub(super) const INTRODUCTION: &str = "\
I am the studio's guide. I look up answers in the studio's own documentation and say where they stand; I am a search, not a \
language model, so I can't chat, write or reason. Ask me, for example:

- How do I make a picture?
- What does it mean when a job is unknown?
- How do I set a budget for a key?";

/// What it says when it doesn't know.
pub(super) const UNKNOWN: &str = "\
I don't know: I find nothing about this in the studio's documentation, and that is all I have. I can answer questions about \
running the studio, its API, jobs, keys and budgets, models and providers, and how it is built.

For anything else you need a real language model: set `OPENAI_API_KEY`, or add one under `[[models]]` in `studio.toml`.";

/// Questions about the guide, in plain words.
const ABOUT_ITSELF: [&str; 22] = [
    "who are you",
    "what are you",
    "who is this",
    "what is this",
    "what can you do",
    "what do you do",
    "what can i ask",
    "what can i ask you",
    "what do you know",
    "how can you help",
    "can you help",
    "help",
    "how do you work",
    "are you a bot",
    "are you human",
    "are you an ai",
    "are you a language model",
    "are you chatgpt",
    "what is your name",
    "introduce yourself",
    "what model are you",
    "which model are you",
];

/// Words that only open or close a conversation.
const COURTESIES: [&str; 28] = [
    "hi",
    "hello",
    "hey",
    "hallo",
    "hola",
    "greetings",
    "good",
    "morning",
    "afternoon",
    "evening",
    "day",
    "there",
    "thanks",
    "thank",
    "you",
    "ok",
    "okay",
    "great",
    "cool",
    "nice",
    "bye",
    "goodbye",
    "please",
    "guide",
    "yo",
    "test",
    "testing",
    "so",
];

/// Whether a question needs no search.
pub(super) fn is_small_talk(question: &str) -> bool {
    // Longer ones ask for something.
    if question.len() > 80 {
        return false;
    }
    let words = question.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty());
    let words: Vec<String> =
        words.map(|word| word.replace('\'', "").to_lowercase().replace("whats", "what is")).collect();
    let opens = |word: &&String| ["hi", "hello", "hey", "so", "and", "ok", "please"].contains(&&***word);
    let rest = words.iter().skip_while(opens).filter(|word| *word != "me").cloned().collect::<Vec<_>>().join(" ");
    let rest = rest.strip_suffix(" with").or_else(|| rest.strip_suffix(" for")).unwrap_or(&rest);
    words.iter().all(|word| COURTESIES.contains(&&**word)) || ABOUT_ITSELF.contains(&rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_and_questions_about_the_guide_need_no_search() {
        for text in [
            "",
            "  ",
            "Hi!",
            "hello there",
            "Good morning",
            "Thanks, great!",
            "Who are you?",
            "So, what can you do for me?",
            "help",
            "Hey, can you help me?",
            "What's this?",
            "Are you ChatGPT?",
            "???",
        ] {
            assert!(is_small_talk(text), "{text}");
        }
        for text in [
            "How do I stop the server?",
            "hello world in C",
            "What is a hold?",
            "who are you voting for in May",
            "日本",
        ] {
            assert!(!is_small_talk(text), "{text}");
        }
    }
}
