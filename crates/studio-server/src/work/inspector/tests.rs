//! What the child says is read as hostile input: stand-ins that say what it never should.

use super::*;
use std::{io::Write, path::Path};
use studio_core::inspection::RefusalCode;

/// Keeps nothing: what is cleaned goes there.
struct NoAssets;

#[async_trait::async_trait]
impl AssetStore for NoAssets {
    async fn stage(&self, _: u64) -> Result<Box<dyn StagedBlob>, AssetError> {
        Err(AssetError::NoSpace)
    }
    async fn open(
        &self,
        _: studio_core::job::ContentHash,
        _: std::ops::Range<u64>,
    ) -> Result<studio_core::ports::BlobReader, AssetError> {
        Err(AssetError::Absent)
    }
    async fn file(&self, _: studio_core::job::ContentHash) -> Result<File, AssetError> {
        Err(AssetError::Absent)
    }
    async fn blobs(
        &self,
        _: u8,
    ) -> Result<Vec<(studio_core::job::ContentHash, studio_core::time::Timestamp)>, AssetError> {
        Ok(Vec::new())
    }
    async fn remove(
        &self,
        _: studio_core::job::ContentHash,
        _: studio_core::time::Timestamp,
    ) -> Result<bool, AssetError> {
        Ok(false)
    }
    async fn check(&self) -> Result<(), AssetError> {
        Ok(())
    }
}

const GOOD: &str = r#"{"ok":{"mediaType":"image/png","width":2,"height":1}}"#;

fn nobody() -> UserId {
    UserId::new(studio_core::time::Timestamp::from_millis(1_790_000_000_000), [0; 10])
}

/// A stand-in for the child, in shell.
fn stand_in(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("child");
    // Written by another process: a child of a test beside this one might have it open for writing still, and then it can't be run.
    let write = "cat > \"$0\" && chmod 700 \"$0\"";
    let mut writer =
        std::process::Command::new("sh").args(["-c", write]).arg(&path).stdin(Stdio::piped()).spawn().unwrap();
    write!(writer.stdin.take().unwrap(), "#!/bin/sh\n{script}\n").unwrap();
    assert!(writer.wait().unwrap().success());
    path
}

async fn look(script: &str, limit: Duration) -> Result<Inspected, NotInspected> {
    let folder = tempfile::tempdir().unwrap();
    let inspector = Inspector::new(stand_in(folder.path(), script));
    let look = Look { owner: nobody(), kind: FileKind::Image, bytes: 9, keep_metadata: false, only_thumbnail: false };
    let file = File::open("/dev/null").unwrap();
    inspector.ask(&NoAssets, look, file, limit).await
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_the_child_says_is_believed_only_within_its_bounds() {
    let found = look(&format!("test \"$1 $2 $3\" = 'inspect --kind image' && echo '{GOOD}'"), LONG).await.unwrap();
    assert_eq!((found.media_type, found.facts.width), (MediaType::Png, Some(2)));
    let refused = r#"{"refused":{"code":"damaged","message":"cut off"}}"#;
    let found = look(&format!("echo '{refused}'"), LONG).await;
    assert!(matches!(found, Err(NotInspected::Refused(refusal)) if refusal.code == RefusalCode::Damaged));
    let section = |name: &str, kind: &str, bytes: u64| {
        format!(
            r#"{{"ok":{{"mediaType":"image/png","sections":[{{"name":"{name}","mediaType":"{kind}","bytes":{bytes}}}]}}}}"#
        )
    };
    let jpeg = r"\377\330\377\340abcd";
    let thumbnail = section("thumbnail", "image/jpeg", 8);
    let found = look(&format!("echo '{thumbnail}'; printf '{jpeg}'"), LONG).await.unwrap();
    assert_eq!(found.thumbnail.unwrap().1.len(), 8);
    for odd in [
        "exit 0".to_owned(),
        "kill -9 $$".to_owned(),
        format!("echo '{GOOD}'; exit 1"),
        format!("echo '{GOOD}'; kill -11 $$"),
        format!("printf '%s' '{GOOD}'"),
        format!("echo '{GOOD}'; echo more"),
        "echo '{\"ok\":{\"mediaType\":\"text/html\"}}'".to_owned(),
        "echo '{\"ok\":{\"mediaType\":\"audio/mpeg\"}}'".to_owned(),
        "echo nonsense".to_owned(),
        "yes x | tr -d '\\n'".to_owned(),
        format!("echo '{thumbnail}'; printf 'abcdefgh'"),
        format!("echo '{thumbnail}'; printf '\\377\\330\\377'"),
        format!("echo '{}'; printf '{jpeg}'", section("thumbnail", "text/html", 8)),
        format!("echo '{}'; printf '{jpeg}'", section("thumbnail", "image/gif", 8)),
        format!("echo '{}'; cat /dev/zero", section("thumbnail", "image/jpeg", 2 << 20)),
        format!("echo '{}'", section("thumbnail", "image/jpeg", 0)),
        format!("echo '{}'; cat /dev/zero", section("clean", "image/png", 1 << 20)),
    ] {
        let found = look(&odd, LONG).await;
        assert!(matches!(found, Err(NotInspected::Unreadable(_))), "{odd}: {:?}", found.err());
    }
    let found = look(&format!("echo '{}'; cat /dev/zero", section("clean", "image/png", 9)), LONG).await;
    assert!(matches!(found, Err(NotInspected::Assets(AssetError::NoSpace))), "{:?}", found.err());
}

#[tokio::test]
async fn a_child_that_does_not_end_is_ended() {
    for slow in ["exec sleep 600", &format!("echo '{GOOD}'; exec sleep 600")] {
        let found = look(slow, Duration::from_millis(300)).await;
        assert!(matches!(found, Err(NotInspected::TooSlow)), "{:?}", found.err());
    }
}

#[tokio::test]
async fn without_a_program_nothing_is_taken() {
    let inspector = Inspector::new("/nowhere/studio".into());
    let look = Look { owner: nobody(), kind: FileKind::Image, bytes: 9, keep_metadata: false, only_thumbnail: false };
    let found = inspector.look(&NoAssets, look, File::open("/dev/null").unwrap()).await;
    assert!(matches!(found, Err(NotInspected::Unavailable(_))));
}
