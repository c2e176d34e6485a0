//! What stands in a request's address, read into a type; where it cannot be, the answer is like every other error.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::answer::Error;

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

/// What stands in the path.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let wrong = |why: axum::extract::rejection::QueryRejection| {
            Error::new(StatusCode::BAD_REQUEST, "查询参数有误", why.body_text())
        };
        Query::from_request_parts(parts, state).await.map(|Query(asked)| Self(asked)).map_err(wrong)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let wrong = |why: axum::extract::rejection::PathRejection| {
            Error::new(StatusCode::BAD_REQUEST, "路径有误", why.body_text())
        };
        Path::from_request_parts(parts, state).await.map(|Path(named)| Self(named)).map_err(wrong)
    }
}
