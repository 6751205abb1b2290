//! Samples of the page that describes the API.

use crate::templates::api::ApiPage;
use crate::templates::api::Field;
use crate::templates::api::Operation;
use crate::templates::api::Resource;
use crate::templates::samples::Sample;
use crate::templates::samples::Show;
use crate::templates::samples::URL;

/// Renders them all.
pub(super) fn show(show: &mut Show<'_>) {
    show.page::<ApiPage>();
}

impl Sample for ApiPage {
    fn samples() -> Vec<Self> {
        let field = Field {
            name: "title".into(),
            must: true,
            about: "A headline.".into(),
        };
        let push = Operation {
            method: "POST".into(),
            path: "/api/v1/articles".into(),
            about: "Push an article in.".into(),
            scope: "articles:write".into(),
            fields: vec![field],
            answers: vec!["201: It's new".into()],
            example: Some("{\n  \"title\": \"Новина\"\n}".into()),
        };
        vec![Self {
            openapi: format!("{URL}/api/openapi.json"),
            resources: vec![Resource {
                name: "articles".into(),
                about: "What was taken in and published".into(),
                operations: vec![push],
            }],
            problems: vec![(404, "Not there".into())],
        }]
    }
}
