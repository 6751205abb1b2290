//! A digest in words: its articles in, an edition out, frozen for all who share them.

use anyhow::Context;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::EmailAddress;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::subscription::TopicChoice;
use crate::clock::Stamp;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::EditionId;
use crate::digest::edition;
use crate::digest::window;
use crate::digest::window::Served;
use crate::letter::template;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::store::edition::Edition;
use crate::templates::Rendered;
use crate::templates::cards::ArticleCard;
use crate::templates::letters;
use crate::templates::letters::Reader;

/// Articles that one letter shows at most; the rest is a link. A letter too long for mail programs
/// shows fewer.
const ARTICLES: usize = 100;

/// Rendered before the writer is taken, so that nobody waits for it.
pub(super) async fn keep_edition(
    app: &App,
    digest: &Digest,
    list: &List,
    language: Language,
    ids: &[ArticleId],
) -> anyhow::Result<EditionId> {
    let mut tx = app.db.read().await?;
    if let Some(id) = store::edition::find_made(&mut tx, digest.id, language, ids).await? {
        return Ok(id);
    }
    let (rendered, own) = shared(app, &mut tx, digest, list, language, ids).await?;
    drop(tx);
    let new = Edition {
        id: EditionId(0),
        digest_id: digest.id,
        language,
        articles: ids.to_vec(),
        subject: rendered.subject,
        html: rendered.html,
        text: rendered.text,
        made_at: app.now(),
        own,
    };
    let mut tx = app.db.begin().await?;
    store::plan::hold(&mut tx, digest.id).await?;
    if let Some(id) = store::edition::find_made(&mut tx, digest.id, language, ids).await? {
        return Ok(id);
    }
    let id = store::edition::add(&mut tx, &new).await?;
    tx.commit().await?;
    Ok(id)
}

/// An edition with its marks: as many articles as a letter takes, the first, and how many more
/// there are.
pub(super) async fn render(
    app: &App,
    tx: &mut Tx,
    digest: &Digest,
    list: &List,
    language: Language,
    ids: &[ArticleId],
) -> anyhow::Result<Rendered> {
    let (rendered, _) = shared(app, tx, digest, list, language, ids).await?;
    Ok(rendered)
}

/// The same, and what each letter is rendered from, where the marks won't do.
async fn shared(
    app: &App,
    tx: &mut Tx,
    digest: &Digest,
    list: &List,
    language: Language,
    ids: &[ArticleId],
) -> anyhow::Result<(Rendered, Option<String>)> {
    let newest: Vec<ArticleId> = ids.iter().copied().take(ARTICLES).collect();
    let articles = in_order(tx, &newest).await?;
    let more = ids.len() - articles.len();
    let letter = letter(app, list, digest, &articles, more);
    let templates = template::at(app, tx, app.now()).await?;
    let shared = templates.shared(&letter, &app.site, language);
    shared.with_context(|| format!("the digest of `{}` can't be written", list.slug))
}

fn letter(
    app: &App,
    list: &List,
    digest: &Digest,
    articles: &[Article],
    more: usize,
) -> letters::Digest {
    let cards: Vec<ArticleCard> = articles
        .iter()
        .map(|article| ArticleCard::of(article, &app.settings.base_url, list.zone))
        .collect();
    let days = || {
        articles
            .iter()
            .map(|article| article.date().with_timezone(&list.zone).date_naive())
    };
    letters::Digest {
        list: list.name.clone(),
        cadence: digest.cadence,
        introduction: paragraphs(&digest.introduction),
        critical: digest.critical.is_some(),
        first: days().min().unwrap_or_default(),
        last: days().max().unwrap_or_default(),
        articles: cards,
        arranged: !digest.ranked.is_empty(),
        share: true,
        more,
        web_url: app.url(&web_path(list, digest)),
        reader: Reader {
            leave_url: edition::LEAVE.to_owned(),
            preferences_url: edition::PREFERENCES.to_owned(),
            address: edition::ADDRESS.to_owned(),
        },
    }
}

/// The digest's own page in the archive; a preview has none.
fn web_path(list: &List, digest: &Digest) -> String {
    match digest.id {
        DigestId(0) => format!("/lists/{}", list.slug),
        id => format!("/archive/{}/{}", list.slug, id.0),
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A digest that isn't in the database.
pub(super) fn unsaved(list: &List, cadence: Cadence, to: Seq, now: Stamp) -> Digest {
    Digest {
        id: DigestId(0),
        list_id: list.id,
        cadence,
        period_key: String::new(),
        rhythm_id: None,
        to_seq: to,
        cut_at: now,
        state: DigestState::Planning,
        not_after: None,
        review_until: None,
        introduction: String::new(),
        ranked: Vec::new(),
        dropped: Vec::new(),
        critical: None,
        alarm: None,
    }
}

/// What a digest of this list would hold now for these choices, with nothing stored.
pub async fn preview(
    app: &App,
    list: &List,
    cadence: Cadence,
    choices: &Choices,
) -> anyhow::Result<Option<Rendered>> {
    let (topics, served) = (&choices.topics, &choices.served);
    let mut tx = app.db.read().await?;
    let to = store::counter::last_seq(&mut tx).await?;
    let candidates = store::article::candidates(&mut tx, served.floor(), to).await?;
    let window = window::articles(&candidates, list, topics, served);
    let ids: Vec<ArticleId> = window.iter().map(|article| article.id).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let digest = unsaved(list, cadence, to, app.now());
    let rendered = render(app, &mut tx, &digest, list, choices.language, &ids).await?;
    Ok(Some(rendered))
}

/// The articles of a digest that waits for review, for the reader whose window is the widest, as
/// the editor put them; and those the editor dropped.
pub async fn articles(
    app: &App,
    digest: &Digest,
    list: &List,
) -> anyhow::Result<(Vec<Article>, Vec<Article>)> {
    let mut tx = app.db.read().await?;
    let floor = match digest.critical {
        Some(seq) => Seq(seq.0 - 1),
        None => store::plan::floor(&mut tx, digest).await?,
    };
    let to = digest.critical.unwrap_or(digest.to_seq);
    let candidates = store::article::candidates(&mut tx, floor, to).await?;
    let (topics, served) = (TopicChoice::default(), Served::up_to(floor));
    let all = window::articles(&candidates, list, &topics, &served);
    let kept = digest.arranged(all.iter().map(|article| article.id));
    let dropped: Vec<ArticleId> = all
        .iter()
        .map(|article| article.id)
        .filter(|id| digest.dropped.contains(id))
        .collect();
    Ok((
        in_order(&mut tx, &kept).await?,
        in_order(&mut tx, &dropped).await?,
    ))
}

async fn in_order(tx: &mut Tx, ids: &[ArticleId]) -> store::Result<Vec<Article>> {
    let mut articles = store::article::some(tx, ids).await?;
    articles.sort_by_key(|article| ids.iter().position(|id| *id == article.id));
    Ok(articles)
}

/// What a letter to somebody is cut by.
#[derive(Debug, Clone)]
pub struct Choices {
    /// What they want to read about.
    pub topics: TopicChoice,
    /// What they had already.
    pub served: Served,
    /// What language they want it in.
    pub language: Language,
}

/// The choices of somebody who has a list; `None` of everybody else.
pub async fn choices_of(
    tx: &mut Tx,
    list: &List,
    email: &EmailAddress,
) -> store::Result<Option<Choices>> {
    let Some(subscriber) = store::subscriber::find_by_email(tx, email).await? else {
        return Ok(None);
    };
    let all = store::subscription::of_subscriber(tx, subscriber.id).await?;
    let theirs = all.into_iter().find(|one| one.list_id == list.id);
    Ok(theirs.map(|theirs| Choices {
        topics: theirs.topics,
        served: Served {
            cursor: theirs.cursor,
            owed: theirs.owed,
            apart: theirs.apart,
        },
        language: subscriber.language,
    }))
}

/// A digest that waits for review, as somebody with these choices would get it; `None` if nothing in it
/// is for them.
pub async fn preview_for(
    app: &App,
    digest: &Digest,
    list: &List,
    choices: &Choices,
) -> anyhow::Result<Option<Rendered>> {
    let mut tx = app.db.read().await?;
    let (from, to) = match digest.critical {
        Some(seq) => (Seq(seq.0 - 1), seq),
        None => (choices.served.floor(), digest.to_seq),
    };
    let candidates = store::article::candidates(&mut tx, from, to).await?;
    let window = window::articles(&candidates, list, &choices.topics, &choices.served);
    let ids = digest.arranged(window.iter().map(|article| article.id));
    if ids.is_empty() {
        return Ok(None);
    }
    let rendered = render(app, &mut tx, digest, list, choices.language, &ids).await?;
    Ok(Some(rendered))
}

/// The same as the reader whose window is the widest would get it; `None` if nothing is left in it.
pub async fn preview_of(
    app: &App,
    digest: &Digest,
    list: &List,
    language: Language,
) -> anyhow::Result<Option<Rendered>> {
    let (articles, _) = articles(app, digest, list).await?;
    let ids: Vec<ArticleId> = articles.iter().map(|article| article.id).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let mut tx = app.db.read().await?;
    let rendered = render(app, &mut tx, digest, list, language, &ids).await?;
    Ok(Some(rendered))
}
