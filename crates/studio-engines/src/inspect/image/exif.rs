//! The one thing in EXIF that changes how a picture is shown: which side is up. All else in it is about who took it with what,
//! where and when.

use image::metadata::Orientation;

/// Which side is up, by an EXIF block that begins with its byte order.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// A block that says nothing but which side is up. Nothing if it is the upper one.
pub(super) fn minimal(orientation: Orientation) -> Option<[u8; 26]> {
    (orientation != Orientation::NoTransforms).then(|| {
        let mut block = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        if let Some(value) = block.get_mut(19) {
            *value = orientation.to_exif();
        }
        block
    })
}

/// Whether a block says nothing else, so that it may stay as it is.
pub(super) fn is_minimal(exif: &[u8]) -> bool {
    minimal(orientation(exif)).is_some_and(|block| block == *exif)
}
