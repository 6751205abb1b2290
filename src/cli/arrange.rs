//! `digest show`, `digest arrange`: one digest, and how an editor puts it.

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::audience::list::List;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::alarm::Spike;
use crate::digest::render;
use crate::digest::review;
use crate::letter::LetterState;
use crate::store;

/// How a held digest is put.
#[derive(Debug, clap::Args)]
pub(super) struct Arrange {
    /// Its number.
    id: i64,
    /// Articles that come first, in this order.
    #[arg(long, value_name = "ARTICLE", value_delimiter = ',')]
    first: Option<Vec<i64>>,
    /// Articles to leave out.
    #[arg(long, value_name = "ARTICLE", value_delimiter = ',')]
    drop: Vec<i64>,
    /// Articles to take in again.
    #[arg(long, value_name = "ARTICLE", value_delimiter = ',')]
    keep: Vec<i64>,
    /// What is said first; empty for nothing.
    #[arg(long, value_name = "TEXT")]
    introduction: Option<String>,
}

impl Arrange {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let app = common.open().await?;
        let id = DigestId(self.id);
        let (digest, list) = find(&app, id).await?;
        let arranged = self.over(&app, digest, &list).await?;
        if !review::arrange(&app, &arranged).await? {
            return Err(not_open(id));
        }
        tell(common, &app, id).await
    }

    async fn over(self, app: &App, mut digest: Digest, list: &List) -> Result<Digest, Failure> {
        let (kept, dropped) = render::articles(app, &digest, list).await?;
        let there = |id: &i64| {
            let mut all = kept.iter().chain(&dropped);
            all.any(|article| article.id == ArticleId(*id))
        };
        let first = self.first.clone().unwrap_or_default();
        let mut named = first.iter().chain(&self.drop).chain(&self.keep);
        if let Some(stranger) = named.find(|id| !there(id)) {
            let words = format!(
                "article {stranger} isn't in digest {}; `visnyk digest show {}` shows what is",
                digest.id.0, digest.id.0
            );
            return Err(Failure::new(Exit::Data, words));
        }
        if let Some(first) = self.first {
            digest.ranked = first.into_iter().map(ArticleId).collect();
        }
        digest.dropped.retain(|id| !self.keep.contains(&id.0));
        digest.dropped.extend(self.drop.into_iter().map(ArticleId));
        digest.dropped.sort_unstable();
        digest.dropped.dedup();
        if let Some(words) = self.introduction {
            digest.introduction = words.chars().take(review::MOST_INTRODUCTION).collect();
        }
        Ok(digest)
    }
}

/// A digest, which must be there, and its list.
pub(super) async fn find(app: &App, id: DigestId) -> Result<(Digest, List), Failure> {
    let mut tx = app.db.read().await?;
    let digest = store::digest::find(&mut tx, id).await?;
    let digest = digest.ok_or_else(|| Failure::missing("digest", id.0, "digest list"))?;
    let list = store::list::get(&mut tx, digest.list_id).await?;
    Ok((digest, list))
}

pub(super) async fn show(common: &Common, id: DigestId) -> Result<(), Failure> {
    tell(common, &common.open().await?, id).await
}

/// It can't be arranged or skipped.
pub(super) fn not_open(id: DigestId) -> Failure {
    let words = format!(
        "digest {} isn't held, or letters of it are made already; `visnyk digest show {}` tells",
        id.0, id.0
    );
    Failure::new(Exit::Data, words)
}

async fn tell(common: &Common, app: &App, id: DigestId) -> Result<(), Failure> {
    let (digest, list) = find(app, id).await?;
    let (articles, dropped) = holds(app, &digest, &list).await?;
    let counts = store::digest::counts(&mut app.db.read().await?, id).await?;
    let brief = |articles: &[Article]| -> Vec<serde_json::Value> {
        let brief =
            |article: &Article| serde_json::json!({ "id": article.id, "title": article.title });
        articles.iter().map(brief).collect()
    };
    let letters: serde_json::Map<String, serde_json::Value> = counts
        .iter()
        .map(|(state, letters)| (state.as_str().to_owned(), (*letters).into()))
        .collect();
    let shown = serde_json::json!({
        "id": id,
        "list": list.slug,
        "cadence": digest.cadence,
        "period": digest.period_key,
        "cut_at": digest.cut_at.to_string(),
        "state": digest.state,
        "critical": digest.critical.is_some(),
        "review_until": digest.review_until.map(|until| until.to_string()),
        "not_after": digest.not_after.map(|until| until.to_string()),
        "alarm": digest.alarm,
        "introduction": digest.introduction,
        "articles": brief(&articles),
        "dropped": brief(&dropped),
        "letters": letters,
    });
    let words = || in_words(&digest, &list, (&articles, &dropped), &counts);
    common.out().give(&shown, |_| words());
    Ok(())
}

/// What a digest holds: as its longest edition has it, or as it will.
async fn holds(
    app: &App,
    digest: &Digest,
    list: &List,
) -> Result<(Vec<Article>, Vec<Article>), Failure> {
    let editions = store::edition::of_digest(&mut app.db.read().await?, digest.id).await?;
    let longest = editions.iter().max_by_key(|edition| edition.articles.len());
    let Some(longest) = longest else {
        return Ok(render::articles(app, digest, list).await?);
    };
    let mut tx = app.db.read().await?;
    let mut articles = store::article::some(&mut tx, &longest.articles).await?;
    articles.sort_by_key(|article| longest.articles.iter().position(|id| *id == article.id));
    let dropped = store::article::some(&mut tx, &digest.dropped).await?;
    Ok((articles, dropped))
}

fn in_words(
    digest: &Digest,
    list: &List,
    (articles, dropped): (&[Article], &[Article]),
    counts: &[(LetterState, i64)],
) -> String {
    let mut lines = vec![format!(
        "digest {} of {}: {}, {}",
        digest.id.0,
        list.slug,
        digest.period_key,
        digest.state.as_str()
    )];
    if digest.critical.is_some() {
        lines.push("critical: at once to every cadence".to_owned());
    }
    if let Some(until) = digest.review_until {
        let silence = list.pace.silence.as_str();
        lines.push(format!("review until {until}, then: {silence}"));
    }
    if let Some(alarm) = digest.alarm {
        let what = match alarm.why {
            Spike::Bounces => "letters that came back",
            Spike::Complaints => "complaints of spam",
        };
        let (reports, letters) = (alarm.reports, alarm.letters);
        lines.push(format!("alarm: {what}, {reports} of {letters}"));
    }
    if let Some(end) = digest.not_after {
        lines.push(format!("not sent after {end}"));
    }
    if !digest.introduction.is_empty() {
        lines.push(format!("introduction: {}", digest.introduction));
    }
    lines.push(out::count(articles.len(), "article:", "articles:"));
    let line = |article: &Article| format!("  {}  {}", article.id, article.title);
    lines.extend(articles.iter().map(line));
    if !dropped.is_empty() {
        lines.push("left out:".to_owned());
        lines.extend(dropped.iter().map(line));
    }
    lines.push("letters:".to_owned());
    for (state, letters) in counts {
        lines.push(format!("  {letters} {}", out::letter_state(*state)));
    }
    if counts.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.join("\n")
}
