//! Requests as the S3 protocol's implementation takes them: unsigned.
//!
//! The sandbox accepts any access key, so it cannot verify signatures: it does not know the secrets. The `s3s` crate
//! verifies them or refuses them. So what makes a request signed is taken off before: the `Authorization` header, the
//! query parameters of a presigned URL, and the `aws-chunked` encoding, which `s3s` decodes for signed requests only.
//! Declared checksums are verified all the same; see [`super::checksum`].

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};
use hyper::http::{Extensions, uri};
use hyper::{Request, Uri};
use s3s::Body;

use super::aws_chunked;
use super::version::new_id;

/// The query parameters of presigned URLs: of signature version 4, all of which begin so, and of version 2.
const V4_PARAMETERS: &str = "x-amz-";
const V2_PARAMETERS: [&str; 3] = ["AWSAccessKeyId", "Signature", "Expires"];

/// The id of a request, which its reply and the notifications of its change carry.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// The id of a request that [`unsigned`] made.
pub(super) fn request_id(extensions: &Extensions) -> &str {
    extensions.get::<RequestId>().map_or("", |id| &id.0)
}

/// Takes the signature off a request, and gives it an id.
pub(super) fn unsigned(request: Request<Incoming>) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let mut body = Body::from(body);
    parts.headers.remove(AUTHORIZATION);
    if let Some(uri) = unsigned_uri(&parts.uri) {
        parts.uri = uri;
    }
    if let Some(length) = chunked_length(&parts.headers) {
        let (decoded, trailers) = aws_chunked::decode(body, length);
        body = Body::from(Box::pin(decoded) as s3s::stream::DynByteStream);
        parts.extensions.insert(trailers);
        parts.headers.remove("x-amz-content-sha256");
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        remove_chunked_encoding(&mut parts.headers);
    }
    parts.extensions.insert(RequestId(new_id()));
    Request::from_parts(parts, body)
}

/// The length of the decoded body, if the body is `aws-chunked`; a body without a declared length must be empty.
fn chunked_length(headers: &HeaderMap) -> Option<u64> {
    let payload = headers.get("x-amz-content-sha256")?.to_str().ok()?;
    if !payload.starts_with("STREAMING-") {
        return None;
    }
    let length = headers.get("x-amz-decoded-content-length").and_then(|length| length.to_str().ok());
    Some(length.and_then(|length| length.parse().ok()).unwrap_or_default())
}

/// `aws-chunked` is no property of the object.
fn remove_chunked_encoding(headers: &mut HeaderMap) {
    let Some(encoding) = headers.remove(CONTENT_ENCODING) else { return };
    let encodings = encoding.to_str().unwrap_or_default().split(',').map(str::trim);
    let rest: Vec<&str> =
        encodings.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("aws-chunked")).collect();
    if let Ok(value) = HeaderValue::from_str(&rest.join(","))
        && !rest.is_empty()
    {
        headers.insert(CONTENT_ENCODING, value);
    }
}

/// The address without the parameters of a signature; `None` if it has none.
fn unsigned_uri(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    let name = |parameter: &'_ str| parameter.split('=').next().unwrap_or_default().to_owned();
    let signed = |wanted: &str| query.split('&').any(|parameter| name(parameter).eq_ignore_ascii_case(wanted));
    if !signed("X-Amz-Signature") && !signed("Signature") {
        return None;
    }
    let of_signature = |parameter: &&str| {
        let name = name(parameter);
        name.to_ascii_lowercase().starts_with(V4_PARAMETERS) || V2_PARAMETERS.contains(&name.as_str())
    };
    let rest: Vec<&str> = query.split('&').filter(|parameter| !of_signature(parameter)).collect();
    let path_and_query =
        if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), rest.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse::<uri::PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests;
