//! The page that describes the API to people. Its template is `pages/api.html.j2`.

use serde::Serialize;

use crate::templates::pages::pages;

pages! {
    ApiPage => "api",
}

/// `/api`.
#[derive(Debug, Clone, Serialize)]
pub struct ApiPage {
    /// Where programs read the same.
    pub openapi: String,
    /// What there is.
    pub resources: Vec<Resource>,
    /// Kinds of problems: status and title.
    pub problems: Vec<(u16, String)>,
}

/// What one thing can be asked.
#[derive(Debug, Clone, Serialize)]
pub struct Resource {
    /// `articles`.
    pub name: String,
    /// What it is.
    pub about: String,
    /// What can be done.
    pub operations: Vec<Operation>,
}

/// One thing that can be done.
#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// `GET`.
    pub method: String,
    /// `/api/v1/articles/{id}`.
    pub path: String,
    /// What it does.
    pub about: String,
    /// What a key must have; empty for any.
    pub scope: String,
    /// What goes into the address, the head and the body.
    pub fields: Vec<Field>,
    /// What comes back if all is well.
    pub answers: Vec<String>,
    /// A body, as JSON.
    pub example: Option<String>,
}

/// What goes in.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whether it must be there.
    pub must: bool,
    /// What it means.
    pub about: String,
}
