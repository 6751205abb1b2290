//! Articles by their words. The databases keep the index themselves, in the transaction that
//! changes the article; each has a language of its own for what is looked for.

use crate::article::Article;
use crate::article::ArticleId;
use crate::article::query::Query;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::article;
use crate::store::run;
use crate::store::statements;

statements! {
    /// A word in the title counts for more than one in the summary, and that for more than one in the
    /// text.
    BEST = Sql {
        sqlite:
        "SELECT a.id FROM article_search JOIN article a ON a.id = article_search.rowid
         WHERE article_search MATCH $1 AND a.state = 'published'
         ORDER BY bm25(article_search, 10.0, 4.0, 1.0), a.seq DESC LIMIT $2 OFFSET $3",
        postgres:
        "SELECT a.id FROM article a WHERE a.words @@ to_tsquery('simple', $1) AND a.state = 'published'
         ORDER BY ts_rank(CAST('{0.1, 0.1, 0.4, 1.0}' AS REAL[]), a.words, to_tsquery('simple', $1), 1) DESC, a.seq DESC
         LIMIT $2 OFFSET $3",
    };
    COUNT = Sql {
        sqlite:
        "SELECT COUNT(*) FROM article_search JOIN article a ON a.id = article_search.rowid
         WHERE article_search MATCH $1 AND a.state = 'published'",
        postgres:
        "SELECT COUNT(*) FROM article a WHERE a.words @@ to_tsquery('simple', $1) AND a.state = 'published'",
    };
}

/// At most `limit` published articles that have every word, the best first, after `skipped` better
/// ones; and how many there are in all.
pub async fn best(
    tx: &mut Tx,
    query: &Query,
    skipped: i64,
    limit: i64,
) -> Result<(Vec<Article>, i64)> {
    let words = expression(tx, query);
    let count: i64 = run!(tx, COUNT, query_scalar(&words), fetch_one)?;
    let best: Vec<ArticleId> = run!(tx, BEST, query_scalar(&words, limit, skipped), fetch_all)?;
    let mut articles = article::some(tx, &best).await?;
    articles.sort_by_key(|article| best.iter().position(|id| *id == article.id));
    Ok((articles, count))
}

/// The query in the database's own language. Nothing needs to be escaped: words are letters and
/// digits.
pub(super) fn expression(tx: &Tx, query: &Query) -> String {
    let (open, close, and) = match tx {
        Tx::Sqlite(_) => ("\"", "\"*", " AND "),
        Tx::Postgres(_) => ("'", "':*", " & "),
    };
    let words = query.beginnings().iter();
    let words: Vec<String> = words.map(|word| format!("{open}{word}{close}")).collect();
    words.join(and)
}
