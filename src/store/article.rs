//! Articles and their revisions.

use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Attribution;
use crate::article::Permalink;
use crate::article::Seq;
use crate::article::Topic;
use crate::article::TopicKind;
use crate::article::clean::SafeHtml;
use crate::audience::list::Candidate;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::source::SourceId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::counter;
use crate::store::from_json;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

/// Articles as [`ArticleRow`] reads them; what follows narrows and orders them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.seq, a.revision, a.state, a.title, a.summary, a.html, a.text, a.url, a.published,
                    a.published_at, a.changed_at, a.authors, a.media, a.language, a.licence,
                    a.pictures, s.name AS source_name, s.url AS source_url
             FROM article a LEFT JOIN source s ON s.id = a.source_id ",
            $rest
        )
    };
}

statements! {
    /// Ids grow as seqs do: the elements come in the array's order.
    ADD_ALL = Sql {
        sqlite:
        "INSERT INTO article (seq, revision, state, mailing, title, summary, html, text, url, published, published_at,
                              changed_at, authors, media, language, licence, source_id, fingerprint, digest_topics, version)
         SELECT value ->> 'seq', 1, 'published', value ->> 'mailing', value ->> 'title', value ->> 'summary',
                value ->> 'html', value ->> 'text', value ->> 'url', value ->> 'published', $2, $2, value ->> 'authors',
                value ->> 'media', value ->> 'language', value ->> 'licence', $3, value ->> 'fingerprint',
                value ->> 'digest_topics', $4
         FROM json_each($1) ORDER BY json_each.rowid
         RETURNING seq, id",
        postgres:
        "INSERT INTO article (seq, revision, state, mailing, title, summary, html, text, url, published, published_at,
                              changed_at, authors, media, language, licence, source_id, fingerprint, digest_topics, version)
         SELECT seq, 1, 'published', mailing, title, summary, html, text, url, published, CAST($2 AS BIGINT),
                CAST($2 AS BIGINT), authors, media, language, licence, CAST($3 AS BIGINT), fingerprint, digest_topics,
                CAST($4 AS BIGINT)
         FROM json_to_recordset(CAST($1 AS JSON)) AS line (
           seq BIGINT, mailing TEXT, title TEXT, summary TEXT, html TEXT, text TEXT, url TEXT, published TEXT,
           authors TEXT, media TEXT, language TEXT, licence TEXT, fingerprint TEXT, digest_topics TEXT)
         ORDER BY seq
         RETURNING seq, id",
    };
    EDIT = Sql::both(
        "UPDATE article SET revision = revision + 1, title = $2, summary = $3, html = $4, text = $5, url = $6, published = $7,
                changed_at = $8, authors = $9, media = $10, language = $11, licence = $12, fingerprint = $13,
                version = $14, pictures_at = 0
         WHERE id = $1");
    /// What its source said last stays known, so that only what the source says anew replaces this.
    REWRITE = Sql::both(
        "UPDATE article SET revision = revision + 1, title = COALESCE($2, title), summary = COALESCE($3, summary),
                html = COALESCE($4, html), text = COALESCE($5, text), changed_at = $6, version = $7
         WHERE id = $1");
    KEEP_REVISION = Sql::both(
        "INSERT INTO revision (article_id, number, replaced_at, title, summary, html)
         SELECT id, revision, $2, title, summary, html FROM article WHERE id = $1");
    /// By a person.
    SET_STATE = Sql::both(
        "UPDATE article SET state = $2, changed_at = $3, version = $4,
                withdrawn_by = CASE WHEN $2 = 'withdrawn' THEN 'person' END, same_as = NULL
         WHERE id = $1 AND state <> $2");
    MERGE = Sql::both(
        "UPDATE article SET state = 'withdrawn', withdrawn_by = 'person', same_as = $2, changed_at = $3, version = $4
         WHERE id = $1");
    FOLLOW = Sql::both("UPDATE article SET same_as = $2 WHERE same_as = $1");
    SAME_AS = Sql::both("SELECT same_as FROM article WHERE id = $1 AND same_as IS NOT NULL");
    /// Not while another source still has it.
    TAKE_OFF = Sql::both(
        "UPDATE article SET state = 'withdrawn', changed_at = $2, version = $3, withdrawn_by = 'source'
         WHERE id = $1 AND state = 'published'
           AND NOT EXISTS (SELECT 1 FROM origin o WHERE o.article_id = $1 AND o.gone_at IS NULL)");
    PUT_BACK = Sql::both(
        "UPDATE article SET state = 'published', changed_at = $2, version = $3, withdrawn_by = NULL
         WHERE id = $1 AND state = 'withdrawn' AND withdrawn_by = 'source'");
    REVISIONS = Sql::both(
        "SELECT number, replaced_at, title, summary, html FROM revision WHERE article_id = $1 ORDER BY number");
    GET = Sql::both(select!("WHERE a.id = $1"));
    PAGE = Sql::both(select!("WHERE a.state = 'published' AND a.seq < $1 ORDER BY a.seq DESC LIMIT $2"));
    /// Ids grow as seqs do, since an article gets both in [`publish`]; by ids the index gives the
    /// newest of a topic without a look at all the others.
    PAGE_OF_TOPIC = Sql::both(select!(
        "JOIN article_topic t ON t.article_id = a.id
         WHERE t.topic_id = $3 AND a.state = 'published' AND a.seq < $1 ORDER BY t.article_id DESC LIMIT $2"));
    PAGE_OF_SOURCE = Sql::both(select!(
        "WHERE a.source_id = $3 AND a.state = 'published' AND a.seq < $1 ORDER BY a.seq DESC LIMIT $2"));
    SOME = Sql {
        sqlite: select!("WHERE a.id IN (SELECT value FROM json_each($1)) ORDER BY a.seq DESC"),
        postgres: select!(
        "WHERE a.id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))) ORDER BY a.seq DESC"),
    };
    /// Withdrawn ones count: that they went is a change.
    CHANGED = Sql::both("SELECT MAX(changed_at) FROM article WHERE seq >= $1");
    CHANGED_OF_TOPIC = Sql::both(
        "SELECT MAX(a.changed_at) FROM article_topic t JOIN article a ON a.id = t.article_id
         WHERE t.topic_id = $2
           AND t.article_id >= (SELECT b.id FROM article b WHERE b.seq >= $1 ORDER BY b.seq LIMIT 1)");
    CHANGED_OF_SOURCE = Sql::both("SELECT MAX(changed_at) FROM article WHERE source_id = $2 AND seq >= $1");
    VERSIONS = Sql {
        sqlite: "SELECT id, version FROM article WHERE id IN (SELECT value FROM json_each($1))",
        postgres:
        "SELECT id, version FROM article
         WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    };
    ARCHIVED = Sql::both(select!("WHERE a.seq > $1 AND a.seq <= $2 AND a.state = 'published' ORDER BY a.seq DESC"));
    MAP = Sql::both(
        "SELECT id, changed_at FROM article WHERE state = 'published' AND seq > $1 AND seq <= $2 ORDER BY seq DESC");
    FRESH = Sql::both(select!("WHERE a.state = 'published' AND a.published_at >= $1 ORDER BY a.seq DESC LIMIT $2"));
    TOPICS_OF = Sql {
        sqlite:
        "SELECT x.article_id, t.kind, t.slug, t.name FROM article_topic x JOIN topic t ON t.id = x.topic_id
         WHERE x.article_id IN (SELECT value FROM json_each($1)) ORDER BY x.article_id, x.position",
        postgres:
        "SELECT x.article_id, t.kind, t.slug, t.name FROM article_topic x JOIN topic t ON t.id = x.topic_id
         WHERE x.article_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
         ORDER BY x.article_id, x.position",
    };
    MARK_LEFT = Sql::both(
        "UPDATE topic SET left_at = $2 WHERE left_at < $2
         AND id IN (SELECT topic_id FROM article_topic WHERE article_id = $1)");
    UNLINK_TOPICS = Sql::both("DELETE FROM article_topic WHERE article_id = $1");
    LINK_TOPICS = Sql {
        sqlite:
        "INSERT INTO article_topic (article_id, topic_id, position)
         SELECT value ->> '$[0]', value ->> '$[1]', value ->> '$[2]' FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
        postgres:
        "INSERT INTO article_topic (article_id, topic_id, position)
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT)
         FROM json_array_elements(CAST($1 AS JSON)) AS line (value) ON CONFLICT DO NOTHING",
    };
    /// An article gets its seq when it's published, each the next, and none is ever deleted.
    COUNT = Sql::both(
        "SELECT (SELECT value FROM counter WHERE name = 'article') - (SELECT COUNT(*) FROM article WHERE state = 'withdrawn')");
    /// What a digest may hold. Withdrawn articles are left out of windows that are yet to be cut.
    CANDIDATES = Sql::both(
        "SELECT id, seq, digest_topics, published_at FROM article
         WHERE seq > $1 AND seq <= $2 AND state = 'published' AND mailing = 'digest' ORDER BY seq DESC");
}

/// About how many bytes of text one statement adds. Each costs a turn of the connection's thread, and
/// has SQLite write what its index of words gathered; and its JSON is in memory several times.
const AT_ONCE: usize = 256 * 1024;

/// What came in, ready to be an article.
#[derive(Debug, Clone)]
pub struct NewArticle {
    /// Plain text, never empty.
    pub title: String,
    /// Plain text.
    pub summary: String,
    /// The body.
    pub html: SafeHtml,
    /// The body as text.
    pub text: String,
    /// Where the source shows it.
    pub url: Option<Permalink>,
    /// The source's own date.
    pub published: Option<chrono::DateTime<chrono::FixedOffset>>,
    /// Names of people.
    pub authors: Vec<String>,
    /// Pictures, sounds, files.
    pub media: Vec<crate::article::Media>,
    /// BCP 47 tag.
    pub language: String,
    /// URL of the licence.
    pub licence: Option<String>,
    /// Hash of all of the above: tells an edit.
    pub fingerprint: String,
    /// The topics, departments first.
    pub topics: Vec<TopicId>,
}

/// Whether digests may hold an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailing {
    /// They may.
    Digest,
    /// Published, never mailed: it was old when its source was first polled.
    Never,
}

impl Mailing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Never => "never",
        }
    }
}

/// Which articles a feed or a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// All.
    Everything,
    /// Those with a topic.
    Topic(TopicId),
    /// Those of a source.
    Source(SourceId),
}

#[derive(sqlx::FromRow)]
struct ArticleRow {
    id: i64,
    seq: i64,
    revision: i64,
    state: String,
    title: String,
    summary: String,
    html: String,
    text: String,
    url: Option<String>,
    published: Option<String>,
    published_at: Stamp,
    changed_at: Stamp,
    authors: String,
    media: String,
    language: String,
    licence: Option<String>,
    pictures: String,
    source_name: Option<String>,
    source_url: Option<String>,
}

#[derive(sqlx::FromRow)]
struct TopicRow {
    article_id: i64,
    kind: String,
    slug: String,
    name: String,
}

/// Publishes several, in this order: gives each its seq, which no other transaction can get between
/// here and the commit.
pub async fn publish(
    tx: &mut Tx,
    all: &[(NewArticle, Mailing)],
    source: SourceId,
    now: Stamp,
) -> Result<Vec<ArticleId>> {
    // In the order that edits of the same transaction take them, or two could wait for each other.
    let version = counter::touch_feeds(tx).await?;
    let Seq(first) = counter::next_seqs(tx, all.len()).await?;
    let rows = (first..).map(Seq).zip(all);
    let rows: Vec<_> = rows.map(|(seq, new)| NewRow::of(seq, new)).collect();
    let mut added: Vec<(Seq, ArticleId)> = Vec::with_capacity(all.len());
    for some in batches(&rows) {
        added.append(&mut run!(
            tx,
            ADD_ALL,
            query_as(to_json(some), now, source, version),
            fetch_all
        )?);
    }
    added.sort_unstable(); // no database promises an order of what it returns
    let ids: Vec<_> = added.into_iter().map(|(_, id)| id).collect();
    let topics = all.iter().map(|(new, _)| new.topics.as_slice());
    let linked: Vec<_> = ids.iter().copied().zip(topics).collect();
    link_topics(tx, &linked).await?;
    Ok(ids)
}

/// An article as [`ADD_ALL`] takes it. What is kept as JSON is a text here.
#[derive(serde::Serialize)]
struct NewRow<'a> {
    seq: Seq,
    mailing: &'static str,
    title: &'a str,
    summary: &'a str,
    html: &'a str,
    text: &'a str,
    url: Option<&'a str>,
    published: Option<String>,
    authors: String,
    media: String,
    language: &'a str,
    licence: Option<&'a str>,
    fingerprint: &'a str,
    digest_topics: String,
}

impl<'a> NewRow<'a> {
    fn of(seq: Seq, (new, mailing): &'a (NewArticle, Mailing)) -> Self {
        Self {
            seq,
            mailing: mailing.as_str(),
            title: &new.title,
            summary: &new.summary,
            html: new.html.as_str(),
            text: &new.text,
            url: new.url.as_ref().map(Permalink::as_str),
            published: new.published.map(|date| date.to_rfc3339()),
            authors: to_json(&new.authors),
            media: to_json(&new.media),
            language: &new.language,
            licence: new.licence.as_deref(),
            fingerprint: &new.fingerprint,
            digest_topics: to_json(&new.topics),
        }
    }

    /// Bytes of text.
    fn told(&self) -> usize {
        self.title.len() + self.summary.len() + self.html.len() + self.text.len()
    }
}

/// Cut where a statement has enough.
fn batches<'a>(rows: &'a [NewRow<'a>]) -> impl Iterator<Item = &'a [NewRow<'a>]> {
    let mut told = 0;
    rows.chunk_by(move |row, _| {
        told += row.told();
        let has_room = told < AT_ONCE;
        told = if has_room { told } else { 0 };
        has_room
    })
}

/// Replaces what an article says; the old wording stays as a revision. Its seq, and the topics that
/// digests go by, stay what they were.
pub async fn edit(tx: &mut Tx, id: ArticleId, new: &NewArticle, now: Stamp) -> Result<()> {
    let version = counter::touch_feeds(tx).await?;
    change!(tx, KEEP_REVISION, (id, now))?;
    change!(
        tx,
        EDIT,
        (
            id,
            &new.title,
            &new.summary,
            new.html.as_str(),
            &new.text,
            new.url.as_ref().map(Permalink::as_str),
            new.published.map(|date| date.to_rfc3339()),
            now,
            to_json(&new.authors),
            to_json(&new.media),
            &new.language,
            new.licence.as_ref(),
            &new.fingerprint,
            version
        )
    )?;
    change!(tx, MARK_LEFT, (id, now))?;
    change!(tx, UNLINK_TOPICS, (id))?;
    link_topics(tx, &[(id, &new.topics)]).await
}

/// What a person changes of an article; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Rewrite {
    /// Plain text, not empty.
    pub title: Option<String>,
    /// Plain text.
    pub summary: Option<String>,
    /// The body.
    pub html: Option<SafeHtml>,
    /// The body as text.
    pub text: Option<String>,
}

/// Replaces what a person changed; the old wording stays as a revision. The source's next edit
/// replaces it again.
pub async fn rewrite(tx: &mut Tx, id: ArticleId, new: &Rewrite, now: Stamp) -> Result<()> {
    let version = counter::touch_feeds(tx).await?;
    change!(tx, KEEP_REVISION, (id, now))?;
    let html = new.html.as_ref().map(SafeHtml::as_str);
    change!(
        tx,
        REWRITE,
        (
            id,
            new.title.as_ref(),
            new.summary.as_ref(),
            html,
            new.text.as_ref(),
            now,
            version
        )
    )?;
    Ok(())
}

async fn link_topics(tx: &mut Tx, all: &[(ArticleId, &[TopicId])]) -> Result<()> {
    let each = |(id, topics): &(ArticleId, &[TopicId])| {
        let id = *id;
        let places: Vec<_> = topics.iter().copied().zip(0_i64..).collect();
        places
            .into_iter()
            .map(move |(topic, position)| (id, topic, position))
    };
    let rows: Vec<_> = all.iter().flat_map(each).collect();
    if !rows.is_empty() {
        change!(tx, LINK_TOPICS, (to_json(&rows)))?;
    }
    Ok(())
}

/// Takes an article off every page, feed and digest to come, or puts it back. Says whether that
/// changed anything.
pub async fn set_withdrawn(
    tx: &mut Tx,
    id: ArticleId,
    withdrawn: bool,
    now: Stamp,
) -> Result<bool> {
    let state = if withdrawn { "withdrawn" } else { "published" };
    let version = counter::touch_feeds(tx).await?;
    let changed = change!(tx, SET_STATE, (id, state, now, version))?;
    Ok(changed > 0)
}

/// Takes an article off in favour of another.
pub async fn merge(tx: &mut Tx, double: ArticleId, into: ArticleId, now: Stamp) -> Result<()> {
    let version = counter::touch_feeds(tx).await?;
    change!(tx, MERGE, (double, into, now, version))?;
    change!(tx, FOLLOW, (double, into))?;
    Ok(())
}

/// The article that another gave way to.
pub async fn same_as(tx: &mut Tx, double: ArticleId) -> Result<Option<ArticleId>> {
    Ok(run!(tx, SAME_AS, query_scalar(double), fetch_optional)?)
}

/// Takes an article off because no source has it any longer. Says whether that changed anything.
pub async fn take_off(tx: &mut Tx, id: ArticleId, now: Stamp) -> Result<bool> {
    let version = counter::touch_feeds(tx).await?;
    Ok(change!(tx, TAKE_OFF, (id, now, version))? > 0)
}

/// Puts an article back that its sources had taken off, and one gives anew. What a person took off
/// stays off.
pub async fn put_back(tx: &mut Tx, id: ArticleId, now: Stamp) -> Result<bool> {
    let version = counter::touch_feeds(tx).await?;
    Ok(change!(tx, PUT_BACK, (id, now, version))? > 0)
}

/// What an article said before an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// 1 for the first.
    pub number: i64,
    /// When the next one came.
    pub replaced_at: Stamp,
    /// As it was.
    pub title: String,
    /// As it was.
    pub summary: String,
    /// As it was.
    pub html: SafeHtml,
}

/// Everything that an article said before, the oldest first.
pub async fn revisions(tx: &mut Tx, id: ArticleId) -> Result<Vec<Revision>> {
    let rows: Vec<(i64, Stamp, String, String, String)> =
        run!(tx, REVISIONS, query_as(id), fetch_all)?;
    let revisions = rows.into_iter();
    Ok(revisions
        .map(|(number, replaced_at, title, summary, html)| Revision {
            number,
            replaced_at,
            title,
            summary,
            html: SafeHtml::stored(html),
        })
        .collect())
}

/// One article, and whether it's withdrawn.
pub async fn find(tx: &mut Tx, id: ArticleId) -> Result<Option<(Article, bool)>> {
    let row: Option<ArticleRow> = run!(tx, GET, query_as(id), fetch_optional)?;
    let Some(row) = row else { return Ok(None) };
    let withdrawn = row.state == "withdrawn";
    let article = with_topics(tx, vec![row]).await?.pop();
    Ok(article.map(|article| (article, withdrawn)))
}

/// At most `limit` published articles of a view, newest first, with a seq below `before`.
pub async fn page(
    tx: &mut Tx,
    view: View,
    before: Option<Seq>,
    limit: i64,
) -> Result<Vec<Article>> {
    let before = before.map_or(i64::MAX, |seq| seq.0);
    let rows: Vec<ArticleRow> = match view {
        View::Everything => run!(tx, PAGE, query_as(before, limit), fetch_all)?,
        View::Topic(id) => run!(tx, PAGE_OF_TOPIC, query_as(before, limit, id), fetch_all)?,
        View::Source(id) => run!(tx, PAGE_OF_SOURCE, query_as(before, limit, id), fetch_all)?,
    };
    with_topics(tx, rows).await
}

/// When anything last changed among the articles of a view whose seq is `from` or more: published,
/// edited, withdrawn or put back. `None` if it never had any.
pub async fn last_changed(tx: &mut Tx, view: View, from: Seq) -> Result<Option<Stamp>> {
    Ok(match view {
        View::Everything => run!(tx, CHANGED, query_scalar(from), fetch_one)?,
        View::Topic(id) => run!(tx, CHANGED_OF_TOPIC, query_scalar(from, id), fetch_one)?,
        View::Source(id) => run!(tx, CHANGED_OF_SOURCE, query_scalar(from, id), fetch_one)?,
    })
}

/// The [`feeds_version`](counter::feeds_version) at which each of these last changed, in no order.
pub async fn versions(tx: &mut Tx, ids: &[ArticleId]) -> Result<Vec<(ArticleId, i64)>> {
    Ok(run!(tx, VERSIONS, query_as(to_json(ids)), fetch_all)?)
}

/// The published articles whose seq is within `(after, to]`, newest first.
pub async fn archived(tx: &mut Tx, after: Seq, to: Seq) -> Result<Vec<Article>> {
    let rows: Vec<ArticleRow> = run!(tx, ARCHIVED, query_as(after, to), fetch_all)?;
    with_topics(tx, rows).await
}

/// The published articles whose seq is within `(after, to]`, newest first, with when each last
/// changed.
pub async fn map(tx: &mut Tx, after: Seq, to: Seq) -> Result<Vec<(ArticleId, Stamp)>> {
    Ok(run!(tx, MAP, query_as(after, to), fetch_all)?)
}

/// At most `limit` articles that were published at `since` or later, newest first.
pub async fn fresh(tx: &mut Tx, since: Stamp, limit: i64) -> Result<Vec<Article>> {
    let rows: Vec<ArticleRow> = run!(tx, FRESH, query_as(since, limit), fetch_all)?;
    with_topics(tx, rows).await
}

/// These articles, newest first, withdrawn or not.
pub async fn some(tx: &mut Tx, ids: &[ArticleId]) -> Result<Vec<Article>> {
    let rows: Vec<ArticleRow> = run!(tx, SOME, query_as(to_json(ids)), fetch_all)?;
    with_topics(tx, rows).await
}

/// What digests whose windows lie within `(after, to]` may hold, newest first.
pub async fn candidates(tx: &mut Tx, after: Seq, to: Seq) -> Result<Vec<Candidate>> {
    let rows: Vec<(ArticleId, Seq, String, Stamp)> =
        run!(tx, CANDIDATES, query_as(after, to), fetch_all)?;
    rows.into_iter()
        .map(|(id, seq, topics, published_at)| {
            let topics = from_json(&topics, "article", "digest_topics", id.0)?;
            Ok(Candidate {
                id,
                seq,
                topics,
                published_at,
            })
        })
        .collect()
}

/// How many are published.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(run!(tx, COUNT, query_scalar(), fetch_one)?)
}

async fn with_topics(tx: &mut Tx, rows: Vec<ArticleRow>) -> Result<Vec<Article>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let topics: Vec<TopicRow> = run!(tx, TOPICS_OF, query_as(to_json(&ids)), fetch_all)?;
    let mut of_article = std::collections::HashMap::<i64, Vec<Topic>>::new();
    for TopicRow {
        article_id,
        kind,
        slug,
        name,
    } in topics
    {
        let kind = parsed::<TopicKind>(&kind, "topic", "kind", article_id)?;
        of_article
            .entry(article_id)
            .or_default()
            .push(Topic { kind, slug, name });
    }
    rows.into_iter()
        .map(|row| {
            let topics = of_article.remove(&row.id).unwrap_or_default();
            article(row, topics)
        })
        .collect()
}

fn article(row: ArticleRow, topics: Vec<Topic>) -> Result<Article> {
    let id = row.id;
    let url = row
        .url
        .map(|url| parsed(&url, "article", "url", id))
        .transpose()?;
    let published = row
        .published
        .map(|date| chrono::DateTime::parse_from_rfc3339(&date))
        .transpose()
        .map_err(|problem| broken("article", "published", id, &problem))?;
    Ok(Article {
        id: ArticleId(id),
        seq: Seq(row.seq),
        revision: row.revision,
        title: row.title,
        summary: row.summary,
        html: SafeHtml::stored(row.html),
        text: row.text,
        url,
        published,
        published_at: row.published_at,
        changed_at: row.changed_at,
        authors: from_json(&row.authors, "article", "authors", id)?,
        topics,
        pictures: from_json(&row.pictures, "article", "pictures", id)?,
        media: from_json(&row.media, "article", "media", id)?,
        language: row.language,
        licence: row.licence,
        source: row
            .source_name
            .zip(row.source_url)
            .map(|(name, url)| Attribution { name, url }),
    })
}
