//! Chats of the emulated API: what is kept of each against what was said, and what it costs against what was sent and told.

use super::town::{MAX_OUTPUT, TOKEN_PRICES};
use crate::{openai::ChatRecord, studio::nanos};
use anyhow::{Result, ensure};
use serde_json::Value;

/// The tokens that are added to an estimate after a crash, and what an estimate of the input may add for the frame of a message.
const REMAINDER: u64 = 128;
const FRAME: u64 = 40;

/// What so many tokens cost: sent, of these cached, received.
fn price((input, cached, output): (u64, u64, u64)) -> u64 {
    (input - cached) * TOKEN_PRICES.0 + cached * TOKEN_PRICES.1 + output * TOKEN_PRICES.2
}

/// What the API sends a bill for.
pub(super) fn bill_of(chat: &ChatRecord) -> u64 {
    price((chat.billed.0, chat.billed.1, chat.billed.2))
}

/// Holds one job that is over against the record of its chat, if it ever was there. `resolved`: what a person said of it.
pub(super) fn check(job: &Value, record: Option<&ChatRecord>, resolved: Option<u64>, seen: &str) -> Result<()> {
    let text = job["message"]["content"].as_str().unwrap_or_default();
    let said = record.map_or("", |record| record.said.as_str());
    ensure!(said.starts_with(text), "{} bytes are kept that were never said", text.len());
    ensure!(said.starts_with(seen), "{} bytes were read that were never said", seen.len());
    let (status, cost) = (job["status"].as_str().unwrap_or_default(), nanos(&job["cost"]["amount"]));
    if let Some(charge) = resolved {
        ensure!(cost == charge, "a person said {charge}, it costs {cost}");
        return Ok(());
    }
    let tokens = |field: &str| job["usage"][field].as_u64().unwrap_or(0);
    let used = (tokens("inputTokens"), tokens("cachedInputTokens"), tokens("outputTokens"));
    if status == "succeeded" {
        ensure!(record.is_some_and(|record| record.finished) && text == said, "not whole, and succeeded");
    }
    if job["estimated"] == true {
        let asked = job["prompt"].as_str().unwrap_or_default().len() as u64;
        // A tight budget has bounded it further.
        let most = job["parameters"]["maxOutputTokens"].as_u64().unwrap_or(MAX_OUTPUT);
        let least = (text.len() as u64).div_ceil(3).min(most);
        // We hung up before a word came: whether the question had arrived is not known here.
        let hung_up = ["canceled", "expired"].contains(&status) && used.2 == 0;
        ensure!(record.is_some() || hung_up, "an estimate for what was never sent");
        ensure!(cost == price(used), "priced otherwise");
        ensure!(
            (asked.div_ceil(3)..=asked.div_ceil(3) + FRAME).contains(&used.0),
            "{} tokens for {asked} bytes",
            used.0
        );
        ensure!(
            (least..=(least + REMAINDER).min(most)).contains(&used.2),
            "{} tokens for {} bytes",
            used.2,
            text.len()
        );
        return Ok(());
    }
    match record {
        // An error in place of an answer, or an answer that nobody waited for any more before it began.
        _ if cost == 0 && status != "succeeded" => {
            ensure!(text.is_empty(), "{} bytes for nothing", text.len());
            ensure!(record.is_none_or(|record| record.said.is_empty()), "said, and not charged");
        }
        Some(record) => {
            ensure!(used == (record.billed.0, record.billed.1, record.billed.2), "billed {:?}", record.billed);
            ensure!(cost == price(used), "priced otherwise");
        }
        None => anyhow::bail!("charged for what was never sent"),
    }
    Ok(())
}
