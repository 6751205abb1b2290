//! An import in the console: a table is uploaded or pasted, looked at, corrected, confirmed, and
//! then goes by itself.

use axum::extract::FromRequest;
use axum::extract::Multipart;
use axum::extract::Request;
use axum::extract::multipart::MultipartError;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::REFRESH;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::access::User;
use crate::access::reach::Reach;
use crate::article::clean::one_line;
use crate::audience::import::columns::Columns;
use crate::audience::import::columns::Field;
use crate::audience::import::columns::Program;
use crate::audience::import::line::Why;
use crate::audience::import::sheet::rejected_head;
use crate::audience::import::sheet::rejected_row;
use crate::audience::import::upload;
use crate::audience::import::upload::BadUpload;
use crate::audience::import::upload::Look;
use crate::audience::import::upload::MOST_ROWS;
use crate::audience::import::upload::NotBegun;
use crate::audience::import::upload::Upload;
use crate::audience::list::List;
use crate::store;
use crate::templates::imports::EarlierImport;
use crate::templates::imports::Import;
use crate::templates::imports::ImportColumn;
use crate::templates::imports::ImportCounts;
use crate::templates::imports::LeftRow;
use crate::templates::imports::Uploaded;
use crate::web::admin::desk::AnyEditor;
use crate::web::admin::desk::back;
use crate::web::admin::own::OfList;
use crate::web::admin::own::Own;
use crate::web::admin::show;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// Bytes of an upload.
pub(in crate::web) const MOST_BODY: usize = 8 * MEGABYTE;
const MEGABYTE: usize = 1024 * 1024;
/// Uploads that are listed.
const EARLIER: i64 = 20;
/// Seconds until a page about a running import comes anew.
const ANEW: &str = "5";

const PLACE: &str = "/admin/subscribers/import";

/// What somebody sends in: a file, or rows that they pasted.
#[derive(Debug, Default)]
pub(in crate::web) struct Sent {
    list: String,
    file: String,
    bytes: Vec<u8>,
    text: String,
    too_long: bool,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("multipart/form-data") {
            let fields = Fields::from_request(request, state).await?;
            return Ok(Self {
                list: fields.one("list").to_owned(),
                text: fields.exact("text").to_owned(),
                ..Self::default()
            });
        }
        let form = Multipart::from_request(request, state).await;
        let form = form.map_err(|refused| Error::Unreadable(refused.into_response().status()))?;
        let mut sent = Self::default();
        match sent.take(form).await {
            Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                sent.too_long = true;
            }
            taken => taken.map_err(|problem| Error::Unreadable(problem.status()))?,
        }
        Ok(sent)
    }
}

impl Sent {
    async fn take(&mut self, mut form: Multipart) -> Result<(), MultipartError> {
        while let Some(field) = form.next_field().await? {
            match field.name() {
                Some("list") => self.list = field.text().await?,
                Some("text") => self.text = field.text().await?,
                Some("file") => {
                    self.file = one_line(field.file_name().unwrap_or_default(), 120);
                    self.bytes = field.bytes().await?.to_vec();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The file if there is one, else what was pasted.
    fn table(&self) -> (&str, &[u8]) {
        if self.bytes.is_empty() {
            ("CSV", self.text.as_bytes())
        } else {
            (&self.file, &self.bytes)
        }
    }
}

/// `/admin/subscribers/import`.
pub(in crate::web) async fn page(
    visit: Visit,
    AnyEditor(user): AnyEditor,
) -> Result<Response, Error> {
    let page = start(&visit, &user.reach, &Sent::default(), None).await?;
    show(&visit, &user, &page)
}

async fn start(
    visit: &Visit,
    reach: &Reach,
    sent: &Sent,
    problem: Option<&'static str>,
) -> Result<Import, Error> {
    let mut tx = visit.app.db.read().await?;
    let mut lists = store::list::all(&mut tx).await?;
    lists.retain(|list| reach.has(list.id));
    let name = |id| {
        let found = lists.iter().find(|list| list.id == id);
        found.map(|list| list.name.clone()).unwrap_or_default()
    };
    let earlier = store::upload::newest(&mut tx, reach, EARLIER).await?;
    Ok(Import {
        action: PLACE.to_owned(),
        list: sent.list.clone(),
        text: sent.text.clone(),
        most_rows: number(MOST_ROWS),
        most_megabytes: number(MOST_BODY / MEGABYTE),
        problem,
        removed: visit.asked_for("done").is_some(),
        earlier: earlier
            .into_iter()
            .map(|one| EarlierImport {
                url: visit.app.url(&place(one.id)),
                list: name(one.list_id),
                file: one.file,
                state: one.state,
                at: visit.local(one.made_at),
            })
            .collect(),
        lists: lists
            .iter()
            .map(|list| (list.slug.to_string(), list.name.clone()))
            .collect(),
    })
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn place(id: i64) -> String {
    format!("{PLACE}/{id}")
}

/// `POST /admin/subscribers/import`: keeps a table, and changes nothing else.
pub(in crate::web) async fn take(
    visit: Visit,
    AnyEditor(user): AnyEditor,
    sent: Sent,
) -> Result<Response, Error> {
    let visit = visit.at(PLACE);
    let refused = async |problem, status| {
        let page = start(&visit, &user.reach, &sent, Some(problem)).await?;
        Ok((status, show(&visit, &user, &page)?).into_response())
    };
    if sent.too_long {
        return refused("bytes", StatusCode::PAYLOAD_TOO_LARGE).await;
    }
    let (file, bytes) = sent.table();
    if bytes.trim_ascii().is_empty() {
        return refused("none", StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let slug = sent.list.replace('\0', "");
    let Some(list) = List::named(&visit.app, &slug, &user.reach).await? else {
        return refused("list", StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    match upload::keep(&visit.app, &list, (file, bytes), &actor(&user)).await {
        Ok(id) => Ok(Redirect::to(&place(id)).into_response()),
        Err(BadUpload::Empty) => refused("empty", StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(BadUpload::Long(_)) => refused("rows", StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(BadUpload::Store(problem)) => Err(problem.into()),
    }
}

fn actor(user: &User) -> String {
    format!("user {}", user.email)
}

/// `/admin/subscribers/import/{id}`.
pub(in crate::web) async fn one(
    visit: Visit,
    Own(user, upload): Own<Upload>,
) -> Result<Response, Error> {
    let page = about(&visit, &upload).await?;
    let comes_anew = page.comes_anew;
    let mut response = show(&visit, &user, &page)?;
    if comes_anew {
        let anew = HeaderValue::from_static(ANEW);
        response.headers_mut().insert(REFRESH, anew);
    }
    Ok(response)
}

async fn about(visit: &Visit, upload: &Upload) -> Result<Uploaded, Error> {
    let kept = &upload.kept;
    let list = store::list::get(&mut visit.app.db.read().await?, kept.list_id).await?;
    let count = |count: i64| count.unsigned_abs();
    let page = Uploaded {
        action: place(kept.id),
        file: kept.file.clone(),
        list: list.name,
        program: (upload.columns.program != Program::Csv).then(|| upload.columns.program.name()),
        state: kept.state.clone(),
        problem: None,
        columns: Vec::new(),
        fields: Field::ALL.map(Field::as_str).to_vec(),
        consent: kept.consent.clone(),
        counts: ImportCounts {
            added: count(kept.added),
            known: count(kept.known),
            suppressed: count(kept.suppressed),
            left_out: count(kept.left_out),
            bad: count(kept.bad),
        },
        reasons: Vec::new(),
        left: Vec::new(),
        size: count(kept.size),
        taken: upload.taken(),
        rejected: (kept.state == "done" && kept.bad + kept.left_out > 0)
            .then(|| visit.app.url(&format!("{}/rejected.csv", place(kept.id)))),
        comes_anew: kept.state == "going" && visit.asked_for("still").is_none(),
    };
    if kept.state == "looked" {
        let look = upload::look(&visit.app, upload).await?;
        Ok(looked(page, upload, look))
    } else {
        Ok(page)
    }
}

fn looked(page: Uploaded, upload: &Upload, look: Look) -> Uploaded {
    let columns = upload.head.iter().zip(upload.columns.fields()).enumerate();
    let columns = columns.map(|(at, (name, field))| ImportColumn {
        name: name.clone(),
        field: field.map(Field::as_str),
        examples: look
            .taste
            .iter()
            .filter_map(|row| row.get(at))
            .filter(|cell| !cell.is_empty())
            .map(|cell| one_line(cell, 60))
            .collect(),
    });
    let imported = &look.imported;
    Uploaded {
        columns: columns.collect(),
        counts: ImportCounts {
            added: imported.added,
            known: imported.known,
            suppressed: imported.suppressed,
            left_out: imported.left_out,
            bad: imported.bad,
        },
        reasons: look
            .reasons
            .iter()
            .map(|(reason, count)| (reason.as_str(), *count))
            .collect(),
        left: look
            .left
            .into_iter()
            .map(|left| LeftRow {
                line: left.line,
                reason: left.why.reason.as_str(),
                got: left.why.got,
            })
            .collect(),
        ..page
    }
}

/// `POST /admin/subscribers/import/{id}`: corrects what the columns are, begins, or throws away.
pub(in crate::web) async fn act(
    visit: Visit,
    Own(user, upload): Own<Upload>,
    fields: Fields,
) -> Result<Response, Error> {
    let id = upload.kept.id;
    let visit = visit.at(&place(id));
    match fields.one("step") {
        "map" => {
            upload::map(&visit.app, &upload, &corrected(&upload, &fields)).await?;
        }
        "begin" if upload.kept.state == "looked" => {
            if let Err(problem) = begin(&visit, &user, &upload, &fields).await? {
                let page = Uploaded {
                    problem: Some(problem),
                    consent: one_line(fields.one("consent"), 500),
                    ..about(&visit, &upload).await?
                };
                let page = show(&visit, &user, &page)?;
                return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
            }
        }
        "drop" => {
            let mut tx = visit.app.db.begin().await?;
            let dropped = store::upload::drop_one(&mut tx, id).await?;
            tx.commit().await?;
            if dropped {
                return Ok(back(PLACE, "removed"));
            }
        }
        _ => {}
    }
    Ok(Redirect::to(&place(id)).into_response())
}

fn corrected(upload: &Upload, fields: &Fields) -> Columns {
    let mut columns = upload.columns.clone();
    for at in 0..upload.head.len() {
        columns.set(at, None);
    }
    for at in 0..upload.head.len() {
        if let Ok(field) = fields.one(&format!("c{at}")).parse() {
            columns.set(at, Some(field));
        }
    }
    columns
}

async fn begin(
    visit: &Visit,
    user: &User,
    upload: &Upload,
    fields: &Fields,
) -> Result<Result<(), &'static str>, Error> {
    let consent = one_line(fields.one("consent"), 500);
    if consent.is_empty() || fields.one("sure") != "yes" {
        return Ok(Err("consent"));
    }
    match upload::begin(&visit.app, upload, &consent, &actor(user)).await {
        Ok(_) => Ok(Ok(())),
        Err(NotBegun::Columns(_)) => Ok(Err("email")),
        Err(NotBegun::Store(problem)) => Err(problem.into()),
    }
}

/// `/admin/subscribers/import/{id}/rejected.csv`: the rows that weren't taken, each with the reason.
pub(in crate::web) async fn rejected(
    visit: Visit,
    Own(_, upload): Own<Upload>,
) -> Result<Response, Error> {
    let id = upload.kept.id;
    let mut bytes = rejected_head(&upload.head);
    let mut after = 0;
    loop {
        let some = upload::left(&visit.app, id, after).await?;
        let Some(last) = some.last() else { break };
        after = last.line;
        for left in &some {
            let why = said(&visit, &left.why)?;
            bytes.extend(rejected_row(left.line, &why, &left.cells));
        }
    }
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    let name = HeaderValue::from_static("attachment; filename=\"rejected.csv\"");
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], bytes).into_response())
}

fn said(visit: &Visit, why: &Why) -> Result<String, Error> {
    let key = format!("import_why.{}", why.reason.as_str());
    let fill = [("got", why.got.clone())];
    let said = visit.app.templates.say(visit.language, &key, None, &fill);
    said.map_err(|problem| Error::trouble(anyhow::Error::msg(problem)))
}
