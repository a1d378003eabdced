//! Puts one file where the caller wants outputs: `PUT <prefix><name>` over plain HTTP, as Cog does with its
//! `output_file_prefix`.
//!
//! The caller is the server that started this worker (or who holds its token), so any address will do; what can go wrong
//! is only bounded: connecting, and all of it.

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{pin::pin, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest that one file may take.
const TOTAL_LIMIT: Duration = Duration::from_secs(60);

/// Why a file is not where it was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("output_file_prefix must be an http:// URL without a user name")]
    Prefix,
    #[error("nobody answers there")]
    NoConnection,
    #[error("it was refused with status {0}")]
    Refused(u16),
    #[error("the connection broke")]
    Broken,
    #[error("it took too long")]
    TooSlow,
}

impl UploadError {
    /// Whether another try may succeed: the receiver was away, busy or full.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Prefix => false,
            Self::NoConnection | Self::Broken | Self::TooSlow => true,
            Self::Refused(status) => *status >= 500 || [408, 429].contains(status),
        }
    }
}

/// Where a file of that name goes, and at which host and port that is.
fn target(prefix: &str, name: &str) -> Result<(Uri, String), UploadError> {
    let slash = if prefix.ends_with('/') { "" } else { "/" };
    let uri: Uri = format!("{prefix}{slash}{name}").parse().map_err(|_| UploadError::Prefix)?;
    let authority = uri.authority().ok_or(UploadError::Prefix)?;
    if uri.scheme_str() != Some("http") || authority.as_str().contains('@') {
        return Err(UploadError::Prefix);
    }
    let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
    Ok((uri, address))
}

/// Whether files can be put under `prefix` at all.
pub(crate) fn check(prefix: &str) -> Result<(), UploadError> {
    target(prefix, "0").map(drop)
}

/// Puts a file under `prefix` and says where it can be found: where the receiver says, else where it was put.
pub(crate) async fn put(prefix: &str, name: &str, media_type: &str, bytes: Bytes) -> Result<String, UploadError> {
    timeout(TOTAL_LIMIT, put_unhurried(prefix, name, media_type, bytes)).await.unwrap_or(Err(UploadError::TooSlow))
}

async fn put_unhurried(prefix: &str, name: &str, media_type: &str, bytes: Bytes) -> Result<String, UploadError> {
    let (uri, address) = target(prefix, name)?;
    let Ok(Ok(stream)) = timeout(CONNECT_LIMIT, TcpStream::connect(&address)).await else {
        return Err(UploadError::NoConnection);
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| UploadError::Broken)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .method(Method::PUT)
        .uri(path)
        .header(header::HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CONNECTION, "close")
        // Its length is known, so hyper sends Content-Length and writes from this buffer without a copy.
        .body(Full::new(bytes))
        .map_err(|_| UploadError::Prefix)?;
    let mut connection = pin!(connection);
    let mut answer = pin!(sender.send_request(request));
    // The answer comes only while the connection is driven, and a receiver may close it right after the answer.
    let response = tokio::select! {
        biased;
        response = &mut answer => response,
        _ = &mut connection => answer.await,
    }
    .map_err(|_| UploadError::Broken)?;
    if !response.status().is_success() {
        return Err(UploadError::Refused(response.status().as_u16()));
    }
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    Ok(location.map_or_else(|| uri.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_the_prefix_says() {
        for (prefix, uri, address) in [
            ("http://127.0.0.1:8080/up/t0k", "http://127.0.0.1:8080/up/t0k/0.png", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080/up/", "http://127.0.0.1:8080/up/0.png", "127.0.0.1:8080"),
            ("http://[::1]:81/", "http://[::1]:81/0.png", "[::1]:81"),
            ("http://host", "http://host/0.png", "host:80"),
        ] {
            let (found, place) = target(prefix, "0.png").unwrap();
            assert_eq!((found.to_string().as_str(), place.as_str()), (uri, address));
        }
        for bad in ["", "/up", "https://host/", "ftp://host/", "http://a:b@host/", "http://ho st/", "host/up"] {
            assert_eq!(check(bad), Err(UploadError::Prefix), "{bad:?}");
        }
    }
}
