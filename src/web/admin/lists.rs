//! Lists: added and changed, and a digest of one without waiting for its hour.

use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::access::Role;
use crate::app::App;
use crate::article::TopicKind;
use crate::article::clean::one_line;
use crate::article::topic::slug;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::audience::list::Review;
use crate::audience::list::TopicId;
use crate::audience::pace::Pace;
use crate::digest::DigestState;
use crate::digest::compile;
use crate::store;
use crate::store::Tx;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Empty;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Editor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::choice;
use crate::web::admin::desk::field;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::note_after;
use crate::web::admin::desk::refused;
use crate::web::admin::own::Own;
use crate::web::admin::own::Seen;
use crate::web::admin::session::Anyone;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// `/admin/lists`.
pub(in crate::web) async fn all(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let mut rows = Vec::new();
    let lists = store::list::all(&mut tx).await?;
    for list in lists.into_iter().filter(|list| user.reach.has(list.id)) {
        let readers = store::list::count_active(&mut tx, list.id).await?;
        let place = visit.app.url(&format!("/admin/lists/{}", list.slug));
        rows.push(vec![
            Cell::link(list.name.clone(), place),
            Cell::text(list.slug.to_string()),
            Cell::text(list.sender.to_string()),
            Cell::text(cadences(&list)),
            Cell::text(readers.to_string()),
        ]);
    }
    let table = Table {
        title: "",
        columns: vec!["name", "slug", "sender", "cadences", "readers"],
        rows,
    };
    let page = Board {
        title: "lists",
        links: vec![("add_list", visit.app.url("/admin/lists/new"))],
        empty: Some(Empty::then(
            "empty_lists",
            "add_list",
            visit.app.url("/admin/lists/new"),
        )),
        parts: vec![Part::Table(table)],
        ..Board::default()
    };
    board(&visit, &user, page)
}

fn cadences(list: &List) -> String {
    let words: Vec<&str> = list
        .cadences
        .iter()
        .map(|cadence| cadence.as_str())
        .collect();
    words.join(", ")
}

/// `/admin/lists/new`.
pub(in crate::web) async fn fresh(visit: Visit, Editor(user): Editor) -> Result<Response, Error> {
    let site = &visit.app.settings.site;
    let sender = visit.app.settings.mail.from.to_string();
    let fields = [
        ("sender", sender.as_str()),
        ("zone", site.zone.name()),
        ("language", site.language.as_str()),
        ("hour", "8"),
        ("cadences", "daily, weekly"),
    ];
    let mut filled = url::form_urlencoded::Serializer::new(String::new());
    filled.extend_pairs(fields);
    let filled = Fields::parse(filled.finish().as_bytes());
    board(&visit, &user, form_page(&filled, None, None))
}

/// A form as it's filled in: of a new list, or of the one with this slug.
fn form_page(filled: &Fields, slug: Option<&str>, problem: Option<String>) -> Board {
    let text = |name, label| field(name, label, "text", filled.one(name));
    let mut fields = vec![
        must(text("name", "name")),
        field("description", "about", "long", filled.one("description")),
        must(text("sender", "sender")),
        must(text("cadences", "cadences")),
        must(field("hour", "hour", "number", filled.one("hour"))),
        must(text("zone", "zone")),
        choice(
            "language",
            "language",
            filled.one("language"),
            &[("uk", "lang_uk"), ("en", "lang_en")],
        ),
        text("topics", "topics_only"),
        choice(
            "review",
            "review",
            filled.one("review"),
            &[("auto", "review_auto"), ("hold", "review_hold")],
        ),
    ];
    if slug.is_none() {
        fields.insert(0, must(text("slug", "slug")));
    }
    let action = slug.map_or("/admin/lists/new".to_owned(), |slug| {
        format!("/admin/lists/{slug}")
    });
    let form = Form {
        title: "",
        action,
        get: false,
        fields,
        buttons: vec![if slug.is_some() {
            ("save", "save")
        } else {
            ("add", "add")
        }],
    };
    Board {
        title: if slug.is_some() { "lists" } else { "add_list" },
        about: slug.map(|_| one_line(filled.one("name"), 200)),
        problem,
        parts: vec![Part::Form(form)],
        ..Board::default()
    }
}

/// What a form says, or what is wrong with it. Number and time of making are left to the caller.
async fn understood(
    app: &App,
    tx: &mut Tx,
    fields: &Fields,
    slug: &str,
) -> Result<Result<List, String>, Error> {
    let topics = topics(tx, fields.one("topics")).await?;
    Ok(list_of(app, fields, slug, topics))
}

/// A text of several lines, as long as a description may be.
fn several_lines(text: &str) -> String {
    text.chars()
        .filter(|sign| *sign != '\0')
        .take(2000)
        .collect()
}

fn list_of(app: &App, fields: &Fields, slug: &str, topics: Vec<TopicId>) -> Result<List, String> {
    let words = |problem: &dyn std::fmt::Display| problem.to_string();
    let name = one_line(fields.one("name"), 200);
    if name.is_empty() {
        return Err("expected a name, but got none".to_owned());
    }
    let zone = one_line(fields.one("zone"), 60);
    let all = fields
        .one("cadences")
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    let mut cadences: Vec<Cadence> = Vec::new();
    for word in all {
        let cadence = word.parse().map_err(|problem| words(&problem))?;
        if !cadences.contains(&cadence) {
            cadences.push(cadence);
        }
    }
    if cadences.is_empty() {
        return Err(words(
            &"".parse::<Cadence>()
                .err()
                .map(|problem| problem.to_string())
                .unwrap_or_default(),
        ));
    }
    Ok(List {
        id: ListId(0),
        slug: slug.parse().map_err(|problem| words(&problem))?,
        name,
        description: several_lines(fields.one("description")),
        sender: fields
            .one("sender")
            .parse()
            .map_err(|problem| words(&problem))?,
        language: fields
            .one("language")
            .parse()
            .map_err(|problem| words(&problem))?,
        zone: zone
            .parse()
            .map_err(|_| format!("expected a zone such as `Europe/Kyiv`, but got `{zone}`"))?,
        hour: fields
            .one("hour")
            .parse()
            .map_err(|problem| words(&problem))?,
        cadences,
        topics,
        pace: Pace::default(),
        review: if fields.one("review") == "hold" {
            Review::Hold
        } else {
            Review::Auto
        },
        created_at: app.now(),
    })
}

/// The topics of these names or slugs, with commas between; a new name becomes a topic.
async fn topics(tx: &mut Tx, names: &str) -> Result<Vec<TopicId>, Error> {
    let mut ids = Vec::new();
    let names = names
        .split(',')
        .map(|name| one_line(name, 200))
        .filter(|name| !name.is_empty());
    for name in names.take(40) {
        match store::topic::find_any(tx, &slug(&name)).await? {
            Some((id, _)) => ids.push(id),
            None => ids.extend(store::topic::keep(tx, TopicKind::Topic, &name).await?),
        }
    }
    Ok(ids)
}

/// `POST /admin/lists/new`.
pub(in crate::web) async fn add(
    visit: Visit,
    Editor(user): Editor,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let mut tx = app.db.begin().await?;
    let list = match understood(app, &mut tx, &fields, fields.one("slug")).await? {
        Ok(list) => list,
        Err(problem) => return refused(&visit, &user, form_page(&fields, None, Some(problem))),
    };
    if store::list::add(&mut tx, &list).await?.is_none() {
        let known = Some(visit.say("desk.known_list")?);
        return refused(&visit, &user, form_page(&fields, None, known));
    }
    let what = ("list.add", format!("list {}", list.slug));
    note(
        &mut tx,
        &user,
        what,
        (String::new(), said(&list)),
        app.now(),
    )
    .await?;
    tx.commit().await?;
    Ok(back(&format!("/admin/lists/{}", list.slug), "added"))
}

/// `/admin/lists/{slug}`.
pub(in crate::web) async fn one(
    visit: Visit,
    Seen(user, list): Seen<List>,
) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let slug = list.slug.as_str();
    let topics = store::topic::some(&mut tx, &list.topics).await?;
    let topics: Vec<String> = topics.into_iter().map(|(_, topic)| topic.slug).collect();
    let (sender, hour) = (list.sender.to_string(), list.hour.number().to_string());
    let (cadences, topics) = (cadences(&list), topics.join(", "));
    let mut filled = url::form_urlencoded::Serializer::new(String::new());
    filled.extend_pairs([
        ("name", list.name.as_str()),
        ("description", &list.description),
        ("sender", &sender),
        ("cadences", &cadences),
        ("hour", &hour),
        ("zone", list.zone.name()),
        ("language", list.language.as_str()),
        ("topics", &topics),
        ("review", list.review.as_str()),
    ]);
    let mut page = form_page(&Fields::parse(filled.finish().as_bytes()), Some(slug), None);
    page.links = vec![("look", visit.app.url(&format!("/lists/{slug}")))];
    if user.role >= Role::Editor {
        page.below = vec![Part::Form(digest_form(&list))];
    }
    board(&visit, &user, page)
}

/// Cuts a digest without waiting for its hour.
fn digest_form(list: &List) -> Form {
    let choices: Vec<(&str, &'static str)> = list
        .cadences
        .iter()
        .map(|cadence| (cadence.as_str(), to_readers(*cadence)))
        .collect();
    let first = choices.first().map_or("", |(cadence, _)| cadence);
    Form {
        title: "digest_now",
        action: format!("/admin/lists/{}/digest", list.slug),
        fields: vec![choice("cadence", "digest_for", first, &choices)],
        buttons: vec![(
            match list.review {
                Review::Auto => "send_digest_now",
                Review::Hold => "review_digest_now",
            },
            "send",
        )],
        ..Form::default()
    }
}

/// The sentence that says whose digest it is.
fn to_readers(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Immediate => "to_immediate",
        Cadence::Hourly => "to_hourly",
        Cadence::Daily => "to_daily",
        Cadence::Weekdays => "to_weekdays",
        Cadence::Weekly => "to_weekly",
        Cadence::Monthly => "to_monthly",
    }
}

/// `POST /admin/lists/{slug}/digest`: cuts one now for every reader of a cadence, whatever their hour.
pub(in crate::web) async fn send_digest(
    visit: Visit,
    Own(user, list): Own<List>,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let cadence = fields.one("cadence").parse();
    let cadence = cadence.ok().filter(|one| list.cadences.contains(one));
    let cadence = cadence.ok_or(Error::NotFound)?;
    let cut = compile::run_now(app, &list, cadence).await;
    let (digest, letters) = cut.map_err(Error::trouble)?;
    let what = ("digest.run", format!("digest {}", digest.0));
    note_after(app, &user, what).await?;
    let page = format!("/admin/lists/{}", list.slug);
    let cut = store::digest::find(&mut app.db.read().await?, digest).await?;
    let held = cut.is_some_and(|cut| cut.state == DigestState::Held);
    Ok(if letters == 0 && !held {
        back(&page, "nothing_new")
    } else {
        Redirect::to(&format!("/admin/digests/{}", digest.0)).into_response()
    })
}

/// `POST /admin/lists/{slug}`.
pub(in crate::web) async fn change(
    visit: Visit,
    Own(user, was): Own<List>,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let slug = was.slug.as_str();
    let mut tx = app.db.begin().await?;
    let list = match understood(app, &mut tx, &fields, slug).await? {
        Ok(list) => List { id: was.id, ..list },
        Err(problem) => {
            return refused(&visit, &user, form_page(&fields, Some(slug), Some(problem)));
        }
    };
    store::list::change(&mut tx, &list).await?;
    let what = ("list.change", format!("list {slug}"));
    note(&mut tx, &user, what, (said(&was), said(&list)), app.now()).await?;
    tx.commit().await?;
    Ok(back(&format!("/admin/lists/{slug}"), "saved"))
}

/// A list for the log of changes.
fn said(list: &List) -> String {
    serde_json::json!({
        "name": list.name,
        "sender": list.sender.to_string(),
        "cadences": list.cadences,
        "hour": list.hour,
        "zone": list.zone.name(),
        "topics": list.topics,
        "review": list.review,
    })
    .to_string()
}
