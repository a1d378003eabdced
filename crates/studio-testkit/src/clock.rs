//! A wall clock that can be set wrong while a program runs by it: a few lines of C that are compiled where they are needed and
//! loaded before the C library. Only the wall clock is wrong; timers go on as they should.

use crate::studio::Setup;
use anyhow::{Context, Result, ensure};
use std::{fs, process::Command};
use tempfile::TempDir;

const SOURCE: &str = include_str!("../shims/clock.c");

/// The clock of those who are started with it.
pub struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// A clock that is right.
    pub fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        let clock = Self { folder };
        fs::write(clock.path("clock.c"), SOURCE)?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o", "clock.so", "clock.c"])
            .current_dir(clock.folder.path())
            .output()
            .context("a C compiler")?;
        ensure!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        clock.set(0)?;
        Ok(clock)
    }

    /// From now on it is so many hours fast, or slow if they are less than nothing.
    pub fn set(&self, hours: i64) -> Result<()> {
        // At once: nobody reads half a number.
        fs::write(self.path("new"), (hours * 3600).to_string())?;
        Ok(fs::rename(self.path("new"), self.path("offset"))?)
    }

    /// Has a studio live by it.
    #[must_use]
    pub fn given_to(&self, setup: Setup) -> Setup {
        setup.variable("LD_PRELOAD", &self.path("clock.so")).variable("CLOCK_OFFSET_FILE", &self.path("offset"))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}
