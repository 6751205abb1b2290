//! `/admin/digests/{id}`: one digest: what it holds, how far its letters are, and, for whoever may
//! decide, its review.

use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::access::Role;
use crate::access::User;
use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::audience::list::List;
use crate::delivery::write;
use crate::digest::Digest;
use crate::digest::DigestState;
use crate::digest::compile;
use crate::digest::render;
use crate::digest::review;
use crate::locale::Language;
use crate::store;
use crate::templates::Rendered;
use crate::templates::admin::AdminDigest;
use crate::templates::admin::AlarmNotice;
use crate::templates::admin::DigestLine;
use crate::templates::admin::DigestPreview;
use crate::templates::board::Letter;
use crate::web::admin::desk::note_after;
use crate::web::admin::digest_word;
use crate::web::admin::letter_counts;
use crate::web::admin::own::Own;
use crate::web::admin::own::Seen;
use crate::web::admin::show;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// `GET`.
pub(in crate::web) async fn page(
    visit: Visit,
    Seen(user, (digest, list)): Seen<(Digest, List)>,
) -> Result<Response, Error> {
    let page = about(&visit, &user, digest, &list).await?;
    show(&visit, &user, &page)
}

/// `POST`: keeps what was arranged, and does what the button says.
pub(in crate::web) async fn act(
    visit: Visit,
    Own(user, (digest, _)): Own<(Digest, List)>,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let id = digest.id;
    let decided = decide(app, digest, &fields).await.map_err(Error::trouble)?;
    if let Some(action) = decided {
        note_after(app, &user, (action, format!("digest {}", id.0))).await?;
    }
    tracing::info!(
        digest = id.0,
        user = user.id,
        action = fields.one("action"),
        "digest.decided"
    );
    let back = app.url(&format!("/admin/digests/{}", id.0));
    Ok(Redirect::to(&back).into_response())
}

/// Does what a button says, and names it as the log does; `None` if nothing came of it.
async fn decide(
    app: &App,
    digest: Digest,
    fields: &Fields,
) -> anyhow::Result<Option<&'static str>> {
    let id = digest.id;
    let held = digest.state == DigestState::Held;
    let (action, done) = match fields.one("action") {
        "save" if held => {
            let kept = review::arrange(app, &arranged(digest, fields)).await?;
            ("digest.arrange", kept)
        }
        "release" if held => {
            review::arrange(app, &arranged(digest, fields)).await?;
            let released = review::release(app, id).await?;
            if released {
                compile::plan(app, id).await?;
            }
            ("digest.release", released)
        }
        "skip" if held => ("digest.skip", review::skip(app, id).await?),
        "hold" => ("digest.hold", review::hold(app, id).await?.is_some()),
        "cancel" => ("digest.cancel", review::cancel(app, id).await?.is_some()),
        _ => return Ok(None),
    };
    Ok(done.then_some(action))
}

/// The order is that of the numbers beside the articles; what has none comes last.
fn arranged(digest: Digest, fields: &Fields) -> Digest {
    let number = |text: &str| text.parse::<i64>().ok();
    let mut ranked: Vec<(i64, i64)> = fields
        .all("article")
        .filter_map(number)
        .filter_map(|id| Some((number(fields.one(&format!("place-{id}")))?, id)))
        .collect();
    ranked.sort_unstable();
    let words = fields.one("introduction").chars();
    Digest {
        introduction: words.take(review::MOST_INTRODUCTION).collect(),
        ranked: ranked.into_iter().map(|(_, id)| ArticleId(id)).collect(),
        dropped: fields
            .all("drop")
            .filter_map(number)
            .map(ArticleId)
            .collect(),
        ..digest
    }
}

async fn about(
    visit: &Visit,
    user: &User,
    digest: Digest,
    list: &List,
) -> Result<AdminDigest, Error> {
    let app = &visit.app;
    let counts = store::digest::counts(&mut app.db.read().await?, digest.id).await?;
    let letters = letter_counts(&counts);
    let made = counts
        .iter()
        .map(|(_, letters)| letters.unsigned_abs())
        .sum();
    let held = digest.state == DigestState::Held;
    let (kept, dropped) = articles(app, &digest, list).await?;
    let line = |article: &Article, dropped| DigestLine {
        id: article.id.0,
        title: article.title.clone(),
        url: app.url(&format!("/articles/{}", article.id)),
        dropped,
    };
    let mut lines: Vec<DigestLine> = kept.iter().map(|article| line(article, false)).collect();
    lines.extend(dropped.iter().map(|article| line(article, true)));
    let preview = if held && made == 0 {
        Some(preview(visit, &digest, list).await?)
    } else {
        None
    };
    Ok(AdminDigest {
        action: app.url(&format!("/admin/digests/{}", digest.id.0)),
        list: list.name.clone(),
        cadence: digest.cadence,
        cut: visit.local(digest.cut_at),
        state: digest_word(digest.state, &letters),
        critical: digest.critical.is_some(),
        alarm: digest.alarm.map(|alarm| AlarmNotice {
            why: alarm.why,
            reports: alarm.reports.unsigned_abs(),
            letters: alarm.letters.unsigned_abs(),
        }),
        review_until: digest.review_until.map(|until| visit.local(until)),
        silence: list.pace.silence,
        may_decide: user.role != Role::Viewer,
        arranges: held && made == 0,
        letters,
        made,
        introduction: digest.introduction,
        articles: lines,
        preview,
    })
}

/// As the reader who gets the most will see it, in each language; or as somebody will who is asked for.
async fn preview(visit: &Visit, digest: &Digest, list: &List) -> Result<DigestPreview, Error> {
    let app = &visit.app;
    let reader = visit.asked_for("reader").unwrap_or_default();
    let reader = reader.trim().to_owned();
    let mut letters = Vec::new();
    let problem = if reader.is_empty() {
        let other = match list.language {
            Language::Uk => Language::En,
            Language::En => Language::Uk,
        };
        for language in [list.language, other] {
            let rendered = render::preview_of(app, digest, list, language).await;
            let rendered = rendered.map_err(Error::trouble)?;
            letters.extend(rendered.map(|rendered| shown(app, language, rendered)));
        }
        None
    } else if let Ok(email) = reader.parse() {
        let choices = render::choices_of(&mut app.db.read().await?, list, &email).await?;
        match choices {
            Some(choices) => {
                let rendered = render::preview_for(app, digest, list, &choices).await;
                let rendered = rendered.map_err(Error::trouble)?;
                letters.extend(rendered.map(|rendered| shown(app, choices.language, rendered)));
                letters.is_empty().then_some("nothing_for_reader")
            }
            None => Some("no_reader"),
        }
    } else {
        Some("bad_address")
    };
    Ok(DigestPreview {
        reader,
        problem,
        letters,
    })
}

fn shown(app: &App, language: Language, rendered: Rendered) -> Letter {
    let sample = write::sample(app, rendered);
    Letter {
        title: match language {
            Language::Uk => "letter_in_uk",
            Language::En => "letter_in_en",
        },
        language: language.as_str(),
        subject: sample.subject,
        html: sample.html,
        text: sample.text,
    }
}

/// As its longest edition has them, or as they will be.
async fn articles(
    app: &App,
    digest: &Digest,
    list: &List,
) -> Result<(Vec<Article>, Vec<Article>), Error> {
    let mut tx = app.db.read().await?;
    let editions = store::edition::of_digest(&mut tx, digest.id).await?;
    let longest = editions
        .into_iter()
        .max_by_key(|edition| edition.articles.len());
    let Some(longest) = longest else {
        drop(tx);
        return render::articles(app, digest, list)
            .await
            .map_err(Error::trouble);
    };
    let mut kept = store::article::some(&mut tx, &longest.articles).await?;
    kept.sort_by_key(|article| longest.articles.iter().position(|id| *id == article.id));
    let dropped = store::article::some(&mut tx, &digest.dropped).await?;
    Ok((kept, dropped))
}
