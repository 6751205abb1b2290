//! What a source calls what it gave: by its identifier, else its address, else its headline and day; and
//! the drafts of a document, each story once.

use std::collections::HashMap;
use std::collections::HashSet;

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::article::identity;
use crate::article::intake::known::Arriving;
use crate::article::intake::made::title;
use crate::article::intake::said;
use crate::source::Draft;
use crate::store::origin::Names;

/// Identifiers longer than this, in bytes, are kept as their hash.
const GUID: usize = 500;

/// How a source names what it gave.
pub fn names(draft: &Draft) -> Names {
    named(guid(draft), draft.url.clone())
}

/// The same of an identifier and an address.
pub(super) fn named(guid: String, url: Option<String>) -> Names {
    Names {
        guid_key: identity::key(&guid),
        guid,
        url_key: url.as_deref().map(identity::key),
        url,
    }
}

/// Drafts with their names, each story once. A name that several stories of one document share is
/// no name: they go by their addresses, or by their titles if they share those too.
pub(super) fn without_copies(drafts: Vec<Draft>) -> Vec<Arriving> {
    let mut arriving: Vec<Arriving> = Vec::new();
    let mut told = HashSet::new();
    let mut sharing = HashMap::<String, Vec<usize>>::new();
    for draft in drafts {
        let names = names(&draft);
        let lead = identity::key(&title(&draft));
        let text = said(&draft);
        let place = if text.chars().nth(150).is_some() {
            String::new()
        } else {
            names
                .url_key
                .clone()
                .unwrap_or_else(|| names.guid_key.clone())
        };
        let date = draft.published.map(|date| date.to_rfc3339());
        if !told.insert(hash(&[&lead, text, &date.unwrap_or_default(), &place])) {
            continue;
        }
        let key = names.guid_key.clone();
        sharing.entry(key).or_default().push(arriving.len());
        arriving.push(Arriving::new(draft, names));
    }
    for group in sharing.into_values().filter(|group| group.len() > 1) {
        part(&mut arriving, &group);
    }
    arriving
}

/// Gives stories that share a name names of their own, if they are several.
fn part(arriving: &mut [Arriving], group: &[usize]) {
    let of = |place: &usize| arriving.get(*place);
    let members: Vec<&Arriving> = group.iter().filter_map(of).collect();
    let addresses: HashSet<_> = members.iter().map(|one| &one.names.url_key).collect();
    let titles: HashSet<String> = members.iter().map(|one| title(&one.draft)).collect();
    let apart = addresses.len() == members.len() && !addresses.contains(&None);
    let nameless = members.iter().all(|one| one.draft.guid.is_none());
    let alone = addresses.contains(&None) || nameless;
    if titles.len() < members.len() || !(apart || alone) {
        return;
    }
    for place in group {
        let Some(one) = arriving.get_mut(*place) else {
            continue;
        };
        let name = match &one.draft.url {
            Some(url) if apart => url.clone(),
            _ => by_title(&one.draft),
        };
        one.names = named(shortened(&name), one.draft.url.clone());
    }
}

/// The source's own identifier, else the address, else headline and day: two headlines alike on
/// different days are two articles.
fn guid(draft: &Draft) -> String {
    match draft.guid.as_ref().or(draft.url.as_ref()) {
        Some(guid) => shortened(guid),
        None => by_title(draft),
    }
}

fn shortened(guid: &str) -> String {
    if guid.len() <= GUID {
        guid.to_owned()
    } else {
        format!("sha256:{}", hash(&[guid]))
    }
}

fn by_title(draft: &Draft) -> String {
    let day = draft
        .published
        .map(|date| date.date_naive().to_string())
        .unwrap_or_default();
    format!("title:{}", hash(&[&title(draft), &day]))
}

/// What several texts together are known by.
pub fn hash(parts: &[&str]) -> String {
    let joined = parts.join("\u{1f}");
    URL_SAFE_NO_PAD.encode(digest(&SHA256, joined.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str, date: &str) -> Draft {
        Draft {
            title: title.to_owned(),
            published: chrono::DateTime::parse_from_rfc3339(date).ok(),
            ..Draft::default()
        }
    }

    #[test]
    fn the_same_headline_on_two_days_is_two_articles() {
        let june = draft("Корисні новини", "2023-06-26T00:00:00+03:00");
        let december = draft("Корисні новини", "2025-12-18T00:00:00+02:00");
        assert_ne!(guid(&june), guid(&december));
        assert_eq!(guid(&june), guid(&june.clone()));
    }
}
