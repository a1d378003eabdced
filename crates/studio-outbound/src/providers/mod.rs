//! Those who run models, one folder each: `mod.rs` is the call, `wire.rs` its JSON, which nobody else sees.

pub mod cog;
