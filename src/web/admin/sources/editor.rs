//! How a source is read: the form for it, what the address turns out to be, and what would come, as
//! one types.

use axum::extract::Path;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use chrono::Timelike;

use crate::access::User;
use crate::app::App;
use crate::article::clean::one_line;
use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::discover::Doubt;
use crate::source::discover::Found;
use crate::source::discover::Wanted;
use crate::source::discover::discover;
use crate::source::discover::preview;
use crate::store;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::FormField;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Editor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::choice;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::sources::find;
use crate::web::admin::sources::page_of;
use crate::web::admin::sources::told::told;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// Articles that a preview shows.
const A_TASTE: usize = 20;

const KINDS: &[(&str, &str)] = &[
    ("auto", "kind_auto"),
    ("feed", "kind_feed"),
    ("listing", "kind_listing"),
    ("page", "kind_page"),
    ("sitemap", "kind_sitemap"),
];

const SELECTORS: [&str; 9] = [
    "item",
    "link",
    "title",
    "date",
    "summary",
    "body",
    "topics",
    "departments",
    "image",
];

/// What the page's own script says of itself: the form is being typed, and the document that came
/// a moment ago will do.
const TYPING: &str = "hx-request";

/// What a source's form holds.
pub(super) struct Filled {
    name: String,
    kind: SourceKind,
    every: TimeDelta,
    selectors: Selectors,
}

fn filled(fields: &Fields) -> Result<Filled, String> {
    let minutes: i64 = fields.one("every").parse().unwrap_or_default();
    if !(1..=43_200).contains(&minutes) {
        let got = one_line(fields.one("every"), 40);
        return Err(format!("expected 1 to 43200 minutes, but got `{got}`"));
    }
    let kind = Some(fields.one("kind")).filter(|kind| !kind.is_empty());
    let kind = <SourceKind as clap::ValueEnum>::from_str(kind.unwrap_or("auto"), false)?;
    Ok(Filled {
        name: one_line(fields.one("name"), 200),
        every: TimeDelta::minutes(minutes),
        selectors: selectors(fields),
        kind,
    })
}

/// How a source is read now, as its form would say.
pub(super) fn how(source: &Source) -> Filled {
    Filled {
        name: source.name.clone(),
        kind: source.kind,
        every: source.every,
        selectors: source.selectors.clone(),
    }
}

/// The form of a source that is there.
pub(super) fn form_of(source: &Source) -> Form {
    let mut fields = vec![must(field("name", "name", "text", source.name.clone()))];
    let minutes = source.every.num_minutes().to_string();
    fields.extend(reading_fields(
        &minutes,
        source.kind.as_str(),
        &source.selectors,
    ));
    Form {
        title: "edit",
        action: format!("/admin/sources/{}", source.id.0),
        fields,
        buttons: vec![("save", "save"), ("preview", "preview")],
        ..Form::default()
    }
}

fn reading_fields(minutes: &str, kind: &str, selectors: &Selectors) -> Vec<FormField> {
    let mut fields = vec![
        must(field("every", "every", "number", minutes)),
        choice("kind", "kind", kind, KINDS),
    ];
    fields.extend(selector_fields(selectors));
    fields
}

fn selector_fields(selectors: &Selectors) -> Vec<FormField> {
    let shown = |css: &Option<String>| css.clone().unwrap_or_default();
    let values = [
        &selectors.item,
        &selectors.link,
        &selectors.title,
        &selectors.date,
        &selectors.summary,
        &selectors.body,
        &selectors.topics,
        &selectors.departments,
        &selectors.image,
    ];
    let labels = [
        "css_item",
        "css_link",
        "css_title",
        "css_date",
        "css_summary",
        "css_body",
        "css_topics",
        "css_departments",
        "css_image",
    ];
    let named = SELECTORS.into_iter().zip(labels).zip(values);
    named
        .map(|((name, label), value)| field(name, label, "text", shown(value)))
        .collect()
}

fn selectors(fields: &Fields) -> Selectors {
    let css = |name: &str| {
        let text = one_line(fields.one(name), 200);
        (!text.is_empty()).then_some(text)
    };
    Selectors {
        item: css("item"),
        link: css("link"),
        title: css("title"),
        date: css("date"),
        summary: css("summary"),
        body: css("body"),
        topics: css("topics"),
        departments: css("departments"),
        image: css("image"),
    }
}

/// `/admin/sources/new`; a query fills the form in.
pub(in crate::web) async fn fresh(
    visit: Visit,
    Editor(user): Editor,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    board(&visit, &user, form_page(&visit, &fields, Vec::new(), None))
}

fn form_page(visit: &Visit, filled: &Fields, caught: Vec<Part>, problem: Option<String>) -> Board {
    let every = Some(filled.one("every")).filter(|every| !every.is_empty());
    let mut fields = vec![
        must(field("url", "address", "url", filled.one("url"))),
        field("name", "name", "text", filled.one("name")),
    ];
    fields.extend(reading_fields(
        every.unwrap_or("15"),
        filled.one("kind"),
        &selectors(filled),
    ));
    let form = Form {
        action: "/admin/sources/new".to_owned(),
        fields,
        buttons: vec![("preview", "preview"), ("add", "add")],
        ..Form::default()
    };
    Board {
        title: "add_source",
        links: vec![("all_sources", visit.app.url("/admin/sources"))],
        problem,
        parts: vec![Part::Form(form)],
        caught: Some(caught),
        ..Board::default()
    }
}

/// What a look at an address came to.
pub(super) enum Looked {
    /// It was asked what it is.
    Found(Found),
    /// It was read as the form says.
    Read(Reading),
    /// It couldn't be asked.
    Not(Doubt),
}

/// Asks an address what it is, or what it gives if that is known; nothing is kept.
pub(super) async fn look(
    app: &App,
    url: &SourceUrl,
    how: &Filled,
    typing: bool,
) -> Result<Looked, Error> {
    if how.kind.is_open(&how.selectors) {
        return Ok(Looked::Found(
            discover(app, url).await.map_err(Error::trouble)?,
        ));
    }
    let seen = preview(app, url, (how.kind, &how.selectors), typing).await;
    Ok(match seen.map_err(Error::trouble)? {
        Ok(reading) => Looked::Read(reading),
        Err(doubt) => Looked::Not(doubt),
    })
}

/// What a look came to, as people see it.
pub(super) fn caught(visit: &Visit, looked: Looked) -> Vec<Part> {
    match looked {
        Looked::Found(found) => what_it_is(visit, found),
        Looked::Read(reading) => what_comes(visit, reading),
        Looked::Not(doubt) => vec![Part::Facts(Facts {
            title: "preview",
            facts: vec![("problem", said(visit, doubt))],
        })],
    }
}

fn said(visit: &Visit, doubt: Doubt) -> Cell {
    match doubt {
        Doubt::Unread(why) => Cell::text(told(visit, &why)),
        Doubt::Busy(_) => Cell::word("busy_site"),
        Doubt::OneArticle => Cell::word("one_article"),
        Doubt::NoList => Cell::word("no_list"),
        Doubt::Empty => Cell::word("no_articles"),
    }
}

fn what_it_is(visit: &Visit, found: Found) -> Vec<Part> {
    let word = KINDS.iter().find(|(kind, _)| *kind == found.kind.as_str());
    let address = found.url.to_string();
    let mut facts = vec![
        (
            "kind",
            Cell::word(word.map_or("kind_auto", |(_, word)| word)),
        ),
        ("address", Cell::link(address.clone(), address)),
        ("count", Cell::text(found.articles.to_string())),
    ];
    facts.extend(found.title.map(|title| ("name", Cell::text(title))));
    facts.extend(found.problem.map(|doubt| ("problem", said(visit, doubt))));
    let others = found.others.into_iter().map(|other| {
        let text = other.to_string();
        let again = prefilled(&visit.app, &text, SourceKind::Feed, &Selectors::default());
        ("other_feed", Cell::link(text, again))
    });
    facts.extend(others);
    if let Some(selectors) = found.selectors {
        let again = prefilled(
            &visit.app,
            found.url.as_str(),
            SourceKind::Listing,
            &selectors,
        );
        let css = selectors.item.unwrap_or_default();
        facts.push(("in_hand", Cell::link(css, again)));
    }
    let rows = found.newest.into_iter().map(|taste| {
        let date = taste.published.map(|date| posted(visit, date));
        vec![
            Cell::text(taste.title),
            Cell::text(date.unwrap_or_default()),
        ]
    });
    vec![
        Part::Facts(Facts {
            title: "what_it_is",
            facts,
        }),
        Part::Table(Table {
            title: "",
            columns: vec!["headline", "date"],
            rows: rows.collect(),
        }),
    ]
}

/// The form with these answers in it.
fn prefilled(app: &App, url: &str, kind: SourceKind, selectors: &Selectors) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("url", url)
        .append_pair("kind", kind.as_str());
    let named = [
        ("item", &selectors.item),
        ("title", &selectors.title),
        ("date", &selectors.date),
    ];
    for (name, css) in named {
        if let Some(css) = css {
            query.append_pair(name, css);
        }
    }
    app.url(&format!("/admin/sources/new?{}", query.finish()))
}

/// By the site's own clock; a day alone stays that day.
fn posted(visit: &Visit, date: DateTime<FixedOffset>) -> String {
    if date.num_seconds_from_midnight() == 0 {
        return visit.language.date_time(&date);
    }
    moment(visit, Stamp::from(date))
}

fn what_comes(visit: &Visit, reading: Reading) -> Vec<Part> {
    let kind = reading.kind.map(|kind| match kind {
        DocumentKind::Listing => "kind_listing",
        DocumentKind::Page => "kind_page",
        DocumentKind::Sitemap => "kind_sitemap",
        DocumentKind::Rss | DocumentKind::Rdf | DocumentKind::Atom | DocumentKind::Json => {
            "kind_feed"
        }
    });
    let mut facts = Vec::new();
    facts.extend(kind.map(|word| ("kind", Cell::word(word))));
    facts.extend(reading.title.map(|title| ("name", Cell::text(title))));
    facts.push(("count", Cell::text(reading.drafts.len().to_string())));
    let problems = reading.problems.into_iter().take(A_TASTE);
    facts.extend(problems.map(|problem| ("problem", Cell::text(told(visit, &problem)))));
    let rows = reading.drafts.into_iter().take(A_TASTE).map(|draft| {
        let published = draft.published.map(|date| posted(visit, date));
        let topics = [draft.departments, draft.topics].concat();
        let title = match draft.url {
            Some(url) => Cell::link(draft.title, url),
            None => Cell::text(draft.title),
        };
        vec![
            title,
            Cell::text(published.unwrap_or_default()),
            Cell::text(one_line(&draft.summary, 200)),
            Cell::text(topics.join(", ")),
        ]
    });
    vec![
        Part::Facts(Facts {
            title: "preview",
            facts,
        }),
        Part::Table(Table {
            title: "",
            columns: vec!["headline", "date", "summary", "topics"],
            rows: rows.collect(),
        }),
    ]
}

/// `POST /admin/sources/new`: shows what would come, or adds it.
pub(in crate::web) async fn add(
    visit: Visit,
    Editor(user): Editor,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Error> {
    let understood = fields
        .one("url")
        .parse::<SourceUrl>()
        .map_err(|problem| problem.to_string())
        .and_then(|url| Ok((url, filled(&fields)?)));
    let (url, new) = match understood {
        Ok(understood) => understood,
        Err(problem) => {
            let page = form_page(&visit, &fields, Vec::new(), Some(problem));
            return refused(&visit, &user, page);
        }
    };
    if fields.one("step") != "add" {
        let looked = look(&visit.app, &url, &new, headers.contains_key(TYPING)).await?;
        let page = form_page(&visit, &fields, caught(&visit, looked), None);
        return board(&visit, &user, page);
    }
    if let Some(id) = keep(&visit.app, &user, url, new).await? {
        return Ok(back(&format!("/admin/sources/{}", id.0), "added"));
    }
    let known = Some(visit.say("desk.known_source")?);
    refused(&visit, &user, form_page(&visit, &fields, Vec::new(), known))
}

async fn keep(
    app: &App,
    user: &User,
    url: SourceUrl,
    filled: Filled,
) -> Result<Option<SourceId>, Error> {
    let wanted = Wanted {
        url,
        name: Some(filled.name).filter(|name| !name.is_empty()),
        kind: filled.kind,
        selectors: filled.selectors,
        every: filled.every,
    };
    let (new, _) = wanted.settled(app).await.map_err(Error::trouble)?;
    let mut tx = app.db.begin().await?;
    let Some(id) = store::source::add(&mut tx, &new, app.now()).await? else {
        return Ok(None);
    };
    let what = ("source.add", format!("source {}", id.0));
    let became = serde_json::json!({ "url": new.url, "name": new.name }).to_string();
    note(&mut tx, user, what, (String::new(), became), app.now()).await?;
    tx.commit().await?;
    Ok(Some(id))
}

/// `POST /admin/sources/{id}`: keeps how it's read, or shows what would come.
pub(in crate::web) async fn change(
    visit: Visit,
    Editor(user): Editor,
    Path(id): Path<i64>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Error> {
    let was = find(&visit.app, id).await?;
    let mut source = was.clone();
    let new = match filled(&fields) {
        Ok(new) => new,
        Err(problem) => {
            let mut page = page_of(&visit, &was, None).await?;
            page.problem = Some(problem);
            return refused(&visit, &user, page);
        }
    };
    if !new.name.is_empty() {
        source.name.clone_from(&new.name);
    }
    if fields.one("step") == "preview" {
        let looked = look(&visit.app, &was.url, &new, headers.contains_key(TYPING)).await?;
        (source.kind, source.every, source.selectors) = (new.kind, new.every, new.selectors);
        let page = page_of(&visit, &source, Some(caught(&visit, looked))).await?;
        return board(&visit, &user, page);
    }
    (source.kind, source.every, source.selectors) = (new.kind, new.every, new.selectors);
    let mut tx = visit.app.db.begin().await?;
    store::source::change(&mut tx, &source).await?;
    let said = |source: &Source| {
        serde_json::json!({ "name": source.name, "kind": source.kind, "selectors": source.selectors }).to_string()
    };
    let what = ("source.change", format!("source {id}"));
    let said = (said(&was), said(&source));
    note(&mut tx, &user, what, said, visit.app.now()).await?;
    tx.commit().await?;
    Ok(back(&format!("/admin/sources/{id}"), "saved"))
}
