//! Articles of a long letter under headings: what several of them are about, or who issued them.
//!
//! In come cards, newest first; out come groups that hold each card once, in that order. Which
//! headings there are depends on the articles alone, so all who share an edition share them.

use std::collections::HashMap;

use serde::Serialize;

use crate::templates::cards::ArticleCard;
use crate::templates::cards::TopicLink;

/// Fewer articles are found at a glance.
const LONG: usize = 8;

/// Articles under one heading.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// What they have in common; none if that's nothing, or if there's one group only.
    pub theme: Option<TopicLink>,
    /// In the order they came in.
    pub articles: Vec<ArticleCard>,
}

/// All articles, each once: under the theme that it shares with most others, the rest last. A theme
/// of more than half of them would tell nothing. Without `grouping`, or of few articles, it's one
/// group.
pub fn by_theme(articles: &[ArticleCard], grouping: bool) -> Vec<Group> {
    let themes = if grouping && articles.len() >= LONG {
        shared(articles)
    } else {
        HashMap::new()
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut rest = Vec::new();
    for (theme, members) in chosen(articles, &themes) {
        match theme {
            Some(theme) if members.len() > 1 => groups.push(Group {
                theme: Some(theme),
                articles: members.into_iter().map(|(_, card)| card.clone()).collect(),
            }),
            _ => rest.extend(members),
        }
    }
    rest.sort_by_key(|(place, _)| *place);
    if !rest.is_empty() {
        groups.push(Group {
            theme: None,
            articles: rest.into_iter().map(|(_, card)| card.clone()).collect(),
        });
    }
    groups
}

/// Themes that two articles or more, but not most, have in common, with how many.
fn shared(articles: &[ArticleCard]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for theme in articles.iter().flat_map(themes) {
        *counts.entry(theme.url.as_str()).or_insert(0) += 1;
    }
    counts.retain(|_, count| (2..=articles.len() / 2).contains(count));
    counts
}

/// An article's place in the letter, and the article.
type Placed<'a> = (usize, &'a ArticleCard);

/// Articles by their theme, the themes in the order of their first article.
fn chosen<'a>(
    articles: &'a [ArticleCard],
    counts: &HashMap<&str, usize>,
) -> Vec<(Option<TopicLink>, Vec<Placed<'a>>)> {
    let mut groups: Vec<(Option<TopicLink>, Vec<Placed<'a>>)> = Vec::new();
    for (place, card) in articles.iter().enumerate() {
        let of = |theme: &TopicLink| counts.get(theme.url.as_str()).copied();
        // Of equals the first wins, as `max_by_key` would have the last.
        let best = themes(card)
            .filter(|theme| of(theme).is_some())
            .reduce(|best, next| if of(next) > of(best) { next } else { best })
            .cloned();
        match groups.iter_mut().find(|(theme, _)| *theme == best) {
            Some((_, members)) => members.push((place, card)),
            None => groups.push((best, vec![(place, card)])),
        }
    }
    groups
}

/// Topics first: readers know what they care about better than who issues it.
fn themes(card: &ArticleCard) -> impl Iterator<Item = &TopicLink> {
    card.topics.iter().chain(&card.departments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::letters::Digest;
    use crate::templates::samples::Sample;

    /// Articles named and themed so: `a:x,y`.
    fn articles(described: &[&str]) -> Vec<ArticleCard> {
        let plain = Digest::samples().remove(2).articles.remove(0);
        let card = |described: &&str| {
            let (title, themes) = described.split_once(':').unwrap();
            let themes = themes.split(',').filter(|name| !name.is_empty());
            let topics = themes.map(|name| TopicLink {
                name: name.to_owned(),
                url: format!("/topics/{name}"),
            });
            ArticleCard {
                title: title.to_owned(),
                topics: topics.collect(),
                departments: Vec::new(),
                ..plain.clone()
            }
        };
        described.iter().map(card).collect()
    }

    fn told(groups: &[Group]) -> String {
        let group = |group: &Group| {
            let titles: Vec<&str> = group
                .articles
                .iter()
                .map(|one| one.title.as_str())
                .collect();
            let theme = group.theme.as_ref().map_or("-", |theme| &theme.name);
            format!("{theme}: {}", titles.join(" "))
        };
        groups.iter().map(group).collect::<Vec<_>>().join("; ")
    }

    const WEEK: &[&str] = &[
        "a:war,roads",
        "b:",
        "c:schools",
        "d:war",
        "e:schools,war",
        "f:war",
        "g:fog",
        "h:schools",
    ];

    #[test]
    fn a_long_letter_is_in_groups_that_hold_each_article_once() {
        let groups = by_theme(&articles(WEEK), true);
        assert_eq!(told(&groups), "war: a d e f; schools: c h; -: b g");
    }

    #[test]
    fn a_short_or_arranged_letter_stays_as_it_is() {
        assert_eq!(
            told(&by_theme(&articles(WEEK), false)),
            "-: a b c d e f g h"
        );
        assert_eq!(
            told(&by_theme(&articles(&WEEK[..7]), true)),
            "-: a b c d e f g"
        );
        assert!(by_theme(&[], true).is_empty());
    }

    #[test]
    fn a_theme_of_nearly_all_is_no_heading() {
        let week = [
            "a:news",
            "b:news",
            "c:news",
            "d:news",
            "e:news,fog",
            "f:fog",
            "g:",
            "h:",
        ];
        assert_eq!(
            told(&by_theme(&articles(&week), true)),
            "fog: e f; -: a b c d g h"
        );
    }
}
