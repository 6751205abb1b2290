//! A feed for people: a page that shows what the feed holds, where it can be had, and how to get it
//! by mail.

use crate::app::App;
use crate::audience::list::List;
use crate::clock::Stamp;
use crate::feed::FeedFormat;
use crate::feed::Shown;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::document::Content;
use crate::feed::document::LENGTH;
use crate::feed::subject::Subject;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::forms::SignUpBox;
use crate::templates::pages::FeedView;

/// Titles that sum up a digest.
const TITLES: usize = 8;

/// The page at this address, in this language; `None` if there is no such feed.
pub(super) async fn page(
    app: &App,
    tx: &mut Tx,
    address: &Address,
    language: Language,
) -> store::Result<Option<(Content, Stamp)>> {
    let Some(subject) = Subject::find(app, tx, address).await? else {
        return Ok(None);
    };
    let shown = subject.shown(app, tx, LENGTH).await?;
    let shown_as = |form| app.links.to(&address.shown_as(form).path());
    let view = FeedView {
        feed: FeedSet {
            title: subject.name,
            html: shown_as(Form::Page),
            rss: shown_as(Form::Feed(FeedFormat::Rss)),
            atom: shown_as(Form::Feed(FeedFormat::Atom)),
            json: shown_as(Form::Feed(FeedFormat::Json)),
        },
        articles: cards(app, &shown),
        sign_up: sign_up(app, tx, subject.list).await?,
    };
    let url = app.links.to(&address.path());
    let content = Content::Page(Box::new(view), url, language);
    Ok(Some((content, app.look_since)))
}

/// Articles or digests, as people see them.
fn cards(app: &App, shown: &Shown) -> Vec<ArticleCard> {
    let zone = app.settings.site.zone;
    let articles = shown.articles.iter();
    let articles = articles.map(|article| ArticleCard::of(article, &app.settings.base_url, zone));
    let digests = shown.digests.iter().map(|digest| {
        let titles = digest.articles.iter().map(|article| article.title.as_str());
        let titles: Vec<&str> = titles.take(TITLES).collect();
        ArticleCard {
            title: digest.title.clone(),
            url: digest.url.clone(),
            date: digest.sent_at.utc().with_timezone(&zone).fixed_offset(),
            summary: titles.join(" · "),
            departments: Vec::new(),
            topics: Vec::new(),
            picture: None,
            language: digest.language.clone(),
            source: None,
            licence: None,
        }
    });
    articles.chain(digests).collect()
}

/// The list whose feed it is, else the main one.
async fn sign_up(app: &App, tx: &mut Tx, list: Option<List>) -> store::Result<Option<SignUpBox>> {
    let list = match list {
        Some(list) => Some(list),
        None => store::list::all(tx).await?.into_iter().next(),
    };
    Ok(list.map(|list| SignUpBox {
        action: app.url(&format!("/lists/{}/subscribe", list.slug)),
        url: app.url(&format!("/lists/{}", list.slug)),
        list: list.name,
    }))
}
