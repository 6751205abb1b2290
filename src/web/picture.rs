//! Pictures that we hold: files that never change, so browsers keep them.

use axum::extract::Path;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::app::App;
use crate::article::picture::WIDTHS;
use crate::web::error::Error;

/// `/pictures/{file}`.
pub(super) async fn picture(
    State(app): State<App>,
    Path(file): Path<String>,
) -> Result<Response, Error> {
    if !is_ours(&file) {
        return Err(Error::NotFound);
    }
    let path = app.settings.data.join("pictures").join(&file);
    let bytes = tokio::fs::read(path).await.map_err(|_| Error::NotFound)?;
    let keep = [
        (CONTENT_TYPE, "image/jpeg"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((keep, bytes).into_response())
}

/// A name that we give: nothing in it leads out of the folder.
fn is_ours(file: &str) -> bool {
    let name = file
        .strip_suffix(".jpg")
        .and_then(|name| name.rsplit_once('-'));
    name.is_some_and(|(key, width)| {
        let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'_');
        key.len() == 22
            && key.bytes().all(is_sign)
            && WIDTHS.iter().any(|known| known.to_string() == width)
    })
}
