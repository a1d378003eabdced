//! `guide` as an engine: the last thing that the user said is the question, and the guide's answer is said word by word.

use crate::{
    conversation::Conversation,
    engine::{Engine, InputFault, Work},
    guide::Guide,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The engine.
pub(crate) struct GuideEngine {
    guide: Arc<Guide>,
}

impl GuideEngine {
    /// Reads the documentation, once for all conversations.
    pub(crate) fn new() -> Self {
        Self { guide: Arc::new(Guide::new()) }
    }
}

impl Engine for GuideEngine {
    fn name(&self) -> &'static str {
        "guide"
    }

    fn says_text(&self) -> bool {
        true
    }

    fn prepare(&self, input: &Map<String, Value>) -> Result<Work, Vec<InputFault>> {
        let conversation = Conversation::read("guide", input)?;
        let guide = self.guide.clone();
        Ok(Box::new(move |report| {
            let mut questions = conversation.user().rev();
            let answer = guide.answer(questions.next().unwrap_or_default(), questions.next());
            conversation.say(&answer, report)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EngineError, Notes, Report};
    use serde_json::json;

    fn pieces(questions: &[&str], more: Value) -> Vec<String> {
        let messages: Vec<_> = questions.iter().map(|text| json!({"role": "user", "content": text})).collect();
        let mut input = more.as_object().unwrap().clone();
        input.insert("messages".into(), messages.into());
        let notes = Notes::default();
        assert_eq!(GuideEngine::new().prepare(&input).unwrap()(&notes), Ok(Vec::new()));
        notes.said.into_inner()
    }

    fn answer(questions: &[&str]) -> String {
        pieces(questions, json!({})).concat()
    }

    #[test]
    fn an_answer_is_said_in_pieces_with_its_source_at_the_end() {
        let pieces = pieces(&["How do I cancel a job?"], json!({}));
        let text = pieces.concat();
        assert!(pieces.len() > 10, "{pieces:?}");
        assert!(text.contains("`POST /jobs/{id}/cancel`") && text.contains("[1]"), "{text}");
        assert!(
            text.ends_with("- [1] docs/api.md, \"Jobs\"") || text.contains("[1] docs/api.md, \"Jobs\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_question_may_go_on_from_the_one_before() {
        let server = answer(&["How do I start the server?", "and how do I stop it?"]);
        let job = answer(&["How do I follow a job?", "and how do I stop it?"]);
        assert!(server.contains("Ctrl-C"), "{server}");
        assert!(job.contains("/cancel"), "{job}");
    }

    #[test]
    fn an_answer_is_as_long_as_it_may_be() {
        let whole = answer(&["How do I cancel a job?"]);
        let short = pieces(&["How do I cancel a job?"], json!({"max_output_tokens": 10})).concat();
        assert!(short.len() <= 40 && !short.is_empty() && whole.starts_with(&short), "{short}");
        let stopped = pieces(&["How do I cancel a job?"], json!({"stop": ["/cancel"]})).concat();
        assert!(stopped.ends_with("/jobs/{id}"), "{stopped}");
    }

    #[test]
    fn what_it_does_not_know_it_says_without_a_source() {
        for question in ["What is the price of Midjourney?", "今天天气怎么样", "¿Qué hora es en Tokio?"] {
            let text = answer(&[question]);
            assert!(
                text.starts_with("I don't know") && text.contains("OPENAI_API_KEY") && !text.contains("[1]"),
                "{text}"
            );
        }
        for question in ["", " \n\t", "Hi!", "Who are you?"] {
            let text = answer(&[question]);
            assert!(text.contains("not a language model") && !text.contains("[1]"), "{text}");
        }
        let system = json!({"messages": [{"role": "system", "content": "Cancel a job"}]});
        let notes = Notes::default();
        GuideEngine::new().prepare(system.as_object().unwrap()).unwrap()(&notes).unwrap();
        assert!(notes.said.into_inner().concat().contains("not a language model"));
    }

    #[test]
    fn whatever_is_asked_it_answers_soon_and_does_not_break() {
        let long = "cancel job ".repeat(100_000);
        let wide = "🦀ä".repeat(100_000);
        let odd = format!("{}{}", "_".repeat(3000), "aB".repeat(3000));
        let many = (0..20_000).map(|number| format!("word{number} ")).collect::<String>();
        for question in [&*long, &*wide, &*odd, &*many, "`", "**", "(((", "[1]", "\0", "\u{202e}cancel", "'", "a'b’c"]
        {
            assert!(!answer(&[question, question]).is_empty());
        }
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        struct Deaf;
        impl Report for Deaf {
            fn progress(&self, _: f32, _: &str) -> bool {
                false
            }
            fn say(&self, _: &str) -> bool {
                false
            }
        }
        let input = json!({"messages": [{"role": "user", "content": "Hi"}]});
        let work = GuideEngine::new().prepare(input.as_object().unwrap()).unwrap();
        assert_eq!(work(&Deaf), Err(EngineError::Canceled));
    }
}
