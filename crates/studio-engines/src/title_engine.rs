//! `title` as an engine: a few words that say what a conversation is about.

use crate::{
    conversation::{Conversation, Role},
    engine::{Engine, InputFault, Work},
    title::title,
};
use serde_json::{Map, Value};

/// How much of a conversation is read, in characters: what it is about is said at its beginning.
const READ_CHARS: usize = 2000;

/// The engine.
pub(crate) struct TitleEngine;

impl Engine for TitleEngine {
    fn name(&self) -> &'static str {
        "title"
    }

    fn says_text(&self) -> bool {
        true
    }

    fn prepare(&self, input: &Map<String, Value>) -> Result<Work, Vec<InputFault>> {
        let conversation = Conversation::read("title", input)?;
        Ok(Box::new(move |report| conversation.say(&title(&beginning(&conversation)), report)))
    }
}

/// The beginning of what the user said, or, if that is nothing, of what anyone but the system said.
fn beginning(conversation: &Conversation) -> String {
    let of = |wanted: &[Role]| -> String {
        let messages = conversation.messages.iter().filter(|message| wanted.contains(&message.role));
        messages.flat_map(|message| message.text.chars().chain(['\n'])).take(READ_CHARS).collect()
    };
    let user = of(&[Role::User]);
    if user.trim().is_empty() { of(&[Role::Assistant, Role::Tool]) } else { user }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Notes;
    use serde_json::json;

    fn said(input: Value) -> String {
        let notes = Notes::default();
        TitleEngine.prepare(input.as_object().unwrap()).unwrap()(&notes).unwrap();
        notes.said.into_inner().concat()
    }

    #[test]
    fn the_title_is_of_what_the_user_said_first() {
        let late = format!("{} Quantum physics. Quantum physics.", "Sourdough bread. ".repeat(200));
        let title = said(json!({"messages": [
            {"role": "system", "content": "You are an expert on whales."},
            {"role": "assistant", "content": "Whales, whales, whales!"},
            {"role": "user", "content": late},
        ]}));
        assert!(title.to_lowercase().contains("sourdough") && !title.to_lowercase().contains("whale"), "{title}");
        assert!(!title.contains("uantum"), "{title}");
        let nothing =
            json!({"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "Blue whales"}]});
        assert_eq!(said(nothing), "Blue whales");
    }

    #[test]
    fn it_is_cut_like_any_answer() {
        let messages = json!([{"role": "user", "content": "Sourdough bread recipe"}]);
        assert_eq!(said(json!({"messages": messages, "max_output_tokens": 4})), "Sourdough bread");
        assert_eq!(said(json!({"messages": messages, "stop": [" "], "temperature": 0.2})), "Sourdough");
    }
}
