//! The page for people: jobs and workers, drawn from the JSON by relative links, so that it works behind YARN's proxy.

use axum::response::Html;

pub(super) async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}
