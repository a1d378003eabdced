//! Bytes in a folder: whole or not there, counted before they are written, the same content once.

use bytes::Bytes;
use futures_util::TryStreamExt;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use studio_core::{
    job::ContentHash,
    ports::{AssetError, AssetStore, Blob, BlobReader},
    time::Timestamp,
};
use studio_store::FolderAssets;

async fn keep(assets: &FolderAssets, chunks: &[&[u8]]) -> Result<Blob, AssetError> {
    let mut staged = assets.stage(1_000_000).await?;
    for chunk in chunks {
        staged.write(Bytes::copy_from_slice(chunk)).await?;
    }
    staged.commit().await
}

async fn all(reader: Result<BlobReader, AssetError>) -> Result<Vec<u8>, AssetError> {
    let chunks: Vec<Bytes> = reader?.try_collect().await?;
    assert!(chunks.iter().all(|chunk| chunk.len() <= 64 * 1024), "never more than a chunk in memory");
    Ok(chunks.concat())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn bytes_come_back_under_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let blob = keep(&assets, &[b"hello ", b"", b"world"]).await.unwrap();
    assert_eq!(blob.bytes, 11);
    let hash = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    assert_eq!(blob.hash.to_string(), hash);
    assert_eq!(files(folder.path()), [folder.path().join("blobs/b9").join(hash)]);
    assert_eq!(all(assets.open(blob.hash, 0..11).await).await.unwrap(), b"hello world");
    drop(assets);
    let reopened = FolderAssets::open(folder.path()).unwrap();
    assert_eq!(all(reopened.open(blob.hash, 0..11).await).await.unwrap(), b"hello world");
}

#[tokio::test]
async fn any_range_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let blob = keep(&assets, &[&content]).await.unwrap();
    for range in [0..200_000, 0..1, 65_535..65_537, 131_072..200_000, 199_999..200_000, 7..7, 200_000..200_000] {
        let read = all(assets.open(blob.hash, range.clone()).await).await.unwrap();
        assert!(read == content[range.start as usize..range.end as usize], "{range:?}");
    }
    let beyond = all(assets.open(blob.hash, 0..200_001).await).await;
    assert!(matches!(beyond, Err(AssetError::Unavailable(_))));
    #[expect(clippy::reversed_empty_ranges, reason = "it must be refused")]
    let backwards = all(assets.open(blob.hash, 9..3).await).await;
    assert!(matches!(backwards, Err(AssetError::Unavailable(_))));
    assert_eq!(all(assets.open(ContentHash([1; 32]), 0..1).await).await, Err(AssetError::Absent));
}

#[tokio::test]
async fn a_cap_is_kept_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let mut staged = assets.stage(10).await.unwrap();
    staged.write(Bytes::from_static(b"0123456789")).await.unwrap();
    let size = |files: &[PathBuf]| files.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>();
    assert_eq!(size(&files(folder.path())), 10);
    let refused = staged.write(Bytes::from(vec![0; 1_000_000])).await;
    assert_eq!(refused, Err(AssetError::TooLarge { limit: 10 }));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new(), "what is no use is gone at once");
    assert!(staged.write(Bytes::from_static(b"x")).await.is_err());
    assert!(staged.commit().await.is_err(), "half a blob is none");
}

#[tokio::test]
async fn what_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let mut staged = assets.stage(100).await.unwrap();
    staged.write(Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    drop(staged);
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_a_crash_left_is_removed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let kept = keep(&assets, &[b"kept"]).await.unwrap();
    let mut staged = assets.stage(100).await.unwrap();
    staged.write(Bytes::from_static(b"half")).await.unwrap();
    std::mem::forget(staged);
    assert_eq!(files(folder.path()).len(), 2);
    let reopened = FolderAssets::open(folder.path()).unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(all(reopened.open(kept.hash, 0..4).await).await.unwrap(), b"kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_content_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let first = keep(&assets, &[b"same"]).await.unwrap();
    let file = files(folder.path()).remove(0);
    let before = fs::metadata(&file).unwrap().ino();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let assets = assets.clone();
        calls.spawn(async move { keep(&assets, &[b"sa", b"me"]).await.unwrap() });
    }
    assert!(calls.join_all().await.iter().all(|blob| *blob == first));
    assert_eq!(files(folder.path()), std::slice::from_ref(&file));
    assert_eq!(fs::metadata(&file).unwrap().ino(), before, "the file that is there stays");
}

#[tokio::test]
async fn a_cut_file_is_an_error_and_is_mended_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let content = vec![5; 100_000];
    let blob = keep(&assets, &[&content]).await.unwrap();
    let path = files(folder.path()).remove(0);
    let cut = |length| fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
    // While it is read: the reader ends with an error, not early.
    let reader = assets.open(blob.hash, 0..100_000).await;
    cut(70_000);
    assert!(matches!(all(reader).await, Err(AssetError::Unavailable(_))));
    assert!(matches!(all(assets.open(blob.hash, 0..100_000).await).await, Err(AssetError::Unavailable(_))));
    assert_eq!(keep(&assets, &[&content]).await.unwrap(), blob);
    assert_eq!(all(assets.open(blob.hash, 0..100_000).await).await.unwrap(), content);
}

#[tokio::test]
async fn whether_it_can_be_written_is_really_tried() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    assert_eq!(assets.check().await, Ok(()));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    fs::remove_dir_all(folder.path().join("blobs")).unwrap();
    assert!(assets.check().await.is_err());
}

#[tokio::test]
async fn what_was_given_again_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let assets = FolderAssets::open(folder.path()).unwrap();
    let blob = keep(&assets, &[b"hello world"]).await.unwrap();
    let path = files(folder.path()).remove(0);
    let (old, now) = (UNIX_EPOCH + Duration::from_secs(1_000), Timestamp::from_millis(2_000_000));
    let age = || fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    age();
    let listed = assets.blobs(0xb9).await.unwrap();
    assert_eq!(listed, [(blob.hash, Timestamp::from_millis(1_000_000))]);
    assert_eq!(assets.blobs(0xb8).await.unwrap(), []);
    // The same content again is one blob, and as new as if it had come now.
    keep(&assets, &[b"hello world"]).await.unwrap();
    assert!(!assets.remove(blob.hash, now).await.unwrap());
    age();
    assert!(assets.remove(blob.hash, now).await.unwrap());
    assert!(!assets.remove(blob.hash, now).await.unwrap(), "there is none any more");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}
