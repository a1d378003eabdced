//! Those who run models: one folder each, their wire formats inside. What all adapters need is beside them: [`exchange`] for
//! one call, [`saying`] for an answer that comes piece by piece, [`shown`] for pictures on their way
//! there, [`words`] and [`outputs`] for what comes back. Whether one is there
//! at all, [`reach`] asks.

pub mod cog;
pub mod openai;
pub mod reach;

mod bounded;
mod exchange;
mod outputs;
mod saying;
mod shown;
mod words;

#[cfg(test)]
mod sample;
