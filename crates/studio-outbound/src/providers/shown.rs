//! The pictures that a job shows, on their way into a request's body.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use std::collections::HashMap;
use studio_core::{
    job::ContentHash,
    request::Picture,
    retry::{Failure, FailureKind},
};

/// The bytes of a picture.
pub(super) fn bytes_of<'a>(picture: &Picture, shown: &'a HashMap<ContentHash, Bytes>) -> Result<&'a Bytes, Failure> {
    let gone = || Failure::new(FailureKind::Rejected, "a picture that was to be shown is no longer there");
    shown.get(&picture.hash).ok_or_else(gone)
}

/// A picture as a `data:` URL.
pub(super) fn data_url(picture: &Picture, shown: &HashMap<ContentHash, Bytes>) -> Result<String, Failure> {
    let bytes = bytes_of(picture, shown)?;
    let mut url = format!("data:{};base64,", picture.media_type.as_str());
    url.reserve(bytes.len().div_ceil(3) * 4);
    STANDARD.encode_string(bytes, &mut url);
    Ok(url)
}
