//! Archives of all articles, for those who want them all (RFC 5005).

use crate::app::App;
use crate::article::Seq;
use crate::clock::Stamp;
use crate::feed::ArchiveLinks;
use crate::feed::Channel;
use crate::feed::FeedFormat;
use crate::feed::Shown;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::address::Place;
use crate::feed::document::Content;
use crate::feed::document::channel;
use crate::feed::document::filled;
use crate::feed::subject::Subject;
use crate::store;
use crate::store::Tx;

/// Seqs in an archive document. Never change it: archives don't.
pub(super) const LENGTH: i64 = 50;

/// Where the archive of this number is.
pub(super) fn url(app: &App, number: i64, format: FeedFormat) -> String {
    let extension = format.extension();
    app.links.to(&format!("/feed/archive/{number}.{extension}"))
}

/// Seqs have no gaps, so an archive is full once the last of its seqs was given, and holds the same
/// articles ever after; what is edited or withdrawn later shows there too.
pub(super) async fn archive(
    app: &App,
    tx: &mut Tx,
    number: i64,
    format: FeedFormat,
) -> store::Result<Option<(Content, Stamp)>> {
    let full = store::counter::last_seq(tx).await?.0 / LENGTH;
    if !(1..=full).contains(&number) {
        return Ok(None);
    }
    let address = Address::of(Place::Everything, Form::Feed(format));
    let Some(subject) = Subject::find(app, tx, &address).await? else {
        return Ok(None);
    };
    let (after, to) = (Seq((number - 1) * LENGTH), Seq(number * LENGTH));
    let articles = store::article::archived(tx, after, to).await?;
    let updated = articles.iter().map(|article| article.changed_at).max();
    let updated = updated.unwrap_or(app.look_since);
    let url = |number| url(app, number, format);
    let channel = Channel {
        self_url: url(number),
        hub: None,
        prev_archive: (number > 1).then(|| url(number - 1)),
        archive: Some(ArchiveLinks {
            current: app.links.to(&address.path()),
            next_archive: (number < full).then(|| url(number + 1)),
        }),
        ..channel(app, &address, subject, updated)
    };
    let shown = Shown {
        articles,
        ..Shown::default()
    };
    Ok(Some((filled(format, channel, shown), updated)))
}
