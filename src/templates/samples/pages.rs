//! Samples of pages for the public.

use crate::article::Attribution;
use crate::article::TopicKind;
use crate::article::clean;
use crate::audience::held::Held;
use crate::audience::list::Cadence;
use crate::templates::cards::ArticleBody;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::cards::FileLink;
use crate::templates::cards::TopicLink;
use crate::templates::forms::FormProblem;
use crate::templates::forms::SignUpBox;
use crate::templates::pages::AddressChanged;
use crate::templates::pages::Archive;
use crate::templates::pages::ArchivedDigest;
use crate::templates::pages::ArticlePage;
use crate::templates::pages::AskLink;
use crate::templates::pages::Asked;
use crate::templates::pages::Confirm;
use crate::templates::pages::Confirmed;
use crate::templates::pages::DigestLink;
use crate::templates::pages::Done;
use crate::templates::pages::Embed;
use crate::templates::pages::Erase;
use crate::templates::pages::Erased;
use crate::templates::pages::ErrorKind;
use crate::templates::pages::ErrorPage;
use crate::templates::pages::FeedGroup;
use crate::templates::pages::FeedGroupKind;
use crate::templates::pages::FeedRow;
use crate::templates::pages::FeedView;
use crate::templates::pages::Feeds;
use crate::templates::pages::Home;
use crate::templates::pages::Leave;
use crate::templates::pages::Left;
use crate::templates::pages::Limit;
use crate::templates::pages::ListPage;
use crate::templates::pages::MappedList;
use crate::templates::pages::NewAddress;
use crate::templates::pages::PauseForm;
use crate::templates::pages::Preferences;
use crate::templates::pages::Privacy;
use crate::templates::pages::Search;
use crate::templates::pages::SecondThoughts;
use crate::templates::pages::SiteMap;
use crate::templates::pages::TopicCount;
use crate::templates::pages::TopicPage;
use crate::templates::pages::Topics;
use crate::templates::samples::LIST;
use crate::templates::samples::Sample;
use crate::templates::samples::Show;
use crate::templates::samples::TITLE;
use crate::templates::samples::URL;
use crate::templates::samples::cards;
use crate::templates::samples::day;
use crate::templates::samples::departments;
use crate::templates::samples::feed;
use crate::templates::samples::form;
use crate::templates::samples::headline;
use crate::templates::samples::list;
use crate::templates::samples::moment;
use crate::templates::samples::picture;
use crate::templates::samples::press_release;
use crate::templates::samples::site;
use crate::templates::samples::topics;
use crate::templates::structured::NewsArticle;

/// Renders them all.
pub(super) fn show(show: &mut Show<'_>) {
    show.page::<Home>();
    show.page::<ArticlePage>();
    show.page::<TopicPage>();
    show.page::<Topics>();
    show.page::<ListPage>();
    show.page::<Asked>();
    show.page::<Confirm>();
    show.page::<Confirmed>();
    show.page::<Leave>();
    show.page::<Left>();
    show.page::<Preferences>();
    show.page::<NewAddress>();
    show.page::<AddressChanged>();
    show.page::<Erase>();
    show.page::<Erased>();
    show.page::<AskLink>();
    show.page::<Embed>();
    show.page::<Feeds>();
    show.page::<FeedView>();
    show.page::<Search>();
    show.page::<Archive>();
    show.page::<ArchivedDigest>();
    show.page::<Privacy>();
    show.page::<SiteMap>();
    show.page::<ErrorPage>();
}

impl Sample for Home {
    fn samples() -> Vec<Self> {
        let mut articles = cards();
        let full = Self {
            lead: Some(articles.remove(0)),
            articles,
            older: Some(format!("{URL}/?before=1")),
            sign_up: Some(form(None)),
            lists: vec![list()],
        };
        let empty = Self {
            lead: None,
            articles: Vec::new(),
            older: None,
            sign_up: None,
            lists: Vec::new(),
        };
        vec![full, empty]
    }
}

impl Sample for ArticlePage {
    fn samples() -> Vec<Self> {
        let original = format!("{URL}/novyna/1");
        let body = ArticleBody {
            html: clean::clean(
                "<p>Офіс діятиме при Полтавській облвійськадміністрації.</p><blockquote>«Офіс – вікно \
                 для міжнародних партнерів, які прагнуть співпрацювати на рівні області та громад», – \
                 зауважив <b>Дмитро Мандріков</b>.</blockquote><p>Наразі ще тривають підготовчі \
                 роботи. Повноцінно офіс має запрацювати <a href=\"https://visnyk.example/\">за два \
                 тижні</a>.</p>",
                None,
            ),
            authors: vec!["Пресслужба ПОВА".into()],
            pictures: vec![picture(1, &format!("{TITLE} (1)")), picture(2, "")],
            files: vec![FileLink {
                name: "Розпорядження.pdf".into(),
                url: format!("{URL}/media/1.pdf"),
            }],
            source: Some(Attribution {
                name: "Полтавська ОВА".into(),
                url: URL.into(),
            }),
            original: Some(original),
            licence: None,
            changed: Some(moment() + chrono::TimeDelta::minutes(43)),
        };
        let bare = ArticleBody {
            html: clean::clean("", None),
            authors: Vec::new(),
            pictures: Vec::new(),
            files: Vec::new(),
            changed: None,
            ..body.clone()
        };
        let page = |card, body, related| Self {
            structured: NewsArticle::of(&card, &body, &site()),
            card,
            body,
            related,
        };
        let headline = headline(5, "Синоптики попередили про туман");
        vec![
            page(press_release(), body, cards().split_off(1)),
            page(headline, bare, Vec::new()),
        ]
    }
}

impl Sample for TopicPage {
    fn samples() -> Vec<Self> {
        let page = |kind: TopicKind, name: &str, articles| Self {
            kind,
            name: name.into(),
            articles,
            older: None,
            feed: feed("/topics/ekonomika", name),
        };
        let department = "Департамент економічного розвитку, торгівлі та залучення інвестицій";
        vec![
            page(TopicKind::Department, department, cards()),
            page(TopicKind::Topic, "економіка", Vec::new()),
        ]
    }
}

impl Sample for Topics {
    fn samples() -> Vec<Self> {
        let counted = |topics: Vec<TopicLink>| {
            let counts = [1, 22, 12_345];
            let pairs = topics.into_iter().zip(counts);
            pairs
                .map(|(topic, count)| TopicCount { topic, count })
                .collect()
        };
        let full = Self {
            departments: counted(departments()),
            topics: counted(topics()),
        };
        let empty = Self {
            departments: Vec::new(),
            topics: Vec::new(),
        };
        vec![full, empty]
    }
}

impl Sample for ListPage {
    fn samples() -> Vec<Self> {
        let page = |form, articles| Self {
            list: list(),
            form,
            archive_url: format!("{URL}/archive/news"),
            articles,
        };
        vec![
            page(form(None), cards()),
            page(form(Some(FormProblem::Email)), Vec::new()),
        ]
    }
}

impl Sample for Asked {
    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

impl Sample for Confirm {
    fn samples() -> Vec<Self> {
        vec![Self {
            list: LIST.into(),
            action: format!("{URL}/confirm/token"),
        }]
    }
}

impl Sample for Confirmed {
    fn samples() -> Vec<Self> {
        vec![Self {
            list: LIST.into(),
            preferences_url: format!("{URL}/preferences/token"),
        }]
    }
}

impl Sample for Leave {
    fn samples() -> Vec<Self> {
        let page = |preferences_url| Self {
            list: LIST.into(),
            action: format!("{URL}/leave/token"),
            preferences_url,
        };
        vec![page(Some(format!("{URL}/preferences/token"))), page(None)]
    }
}

impl Sample for Left {
    fn samples() -> Vec<Self> {
        let page = |second_thoughts| Self {
            list: LIST.into(),
            list_url: list().url,
            second_thoughts,
        };
        let thoughts = SecondThoughts {
            action: format!("{URL}/preferences/token/return"),
            rarer: vec![Cadence::Weekly, Cadence::Monthly],
        };
        vec![page(Some(thoughts)), page(None)]
    }
}

impl Sample for Preferences {
    fn samples() -> Vec<Self> {
        let page = |done, until: Option<chrono::NaiveDate>, problem| Self {
            list: LIST.into(),
            address: "olena@example.com".into(),
            action: format!("{URL}/preferences/token"),
            form: form(problem),
            text_only: until.is_some(),
            pause: PauseForm {
                until,
                earliest: day(27),
                latest: day(30),
            },
            others: vec![list()],
            feed_url: until.map(|_| format!("{URL}/my/token/feed.atom")),
            done,
            leave_url: format!("{URL}/leave/token"),
        };
        vec![
            page(Some(Done::Saved), None, None),
            page(Some(Done::Paused), Some(day(30)), None),
            page(Some(Done::Resumed), None, None),
            page(Some(Done::Returned), None, None),
            page(Some(Done::FeedOpened), Some(day(29)), None),
            page(Some(Done::FeedClosed), None, None),
            page(Some(Done::Address), None, None),
            page(Some(Done::Erasure), None, None),
            page(None, None, Some(FormProblem::Until)),
        ]
    }
}

impl Sample for NewAddress {
    fn samples() -> Vec<Self> {
        vec![Self {
            address: "olena@example.com".into(),
            action: format!("{URL}/address/token"),
        }]
    }
}

impl Sample for AddressChanged {
    fn samples() -> Vec<Self> {
        let page = |preferences_url| Self {
            address: "olena@example.com".into(),
            preferences_url,
        };
        vec![page(Some(format!("{URL}/preferences/token"))), page(None)]
    }
}

impl Sample for Erase {
    fn samples() -> Vec<Self> {
        vec![Self {
            address: "olena@example.com".into(),
            action: format!("{URL}/erase/token"),
        }]
    }
}

impl Sample for Erased {
    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

impl Sample for AskLink {
    fn samples() -> Vec<Self> {
        let page = |email: &str, problem| Self {
            action: format!("{URL}/link"),
            email: email.into(),
            problem,
        };
        vec![page("", None), page("olena@", Some(FormProblem::Email))]
    }
}

impl Sample for Embed {
    fn samples() -> Vec<Self> {
        vec![Self {
            list: list(),
            code: format!("<form method=\"post\" action=\"{URL}/lists/all/subscribe\"></form>"),
        }]
    }
}

impl Sample for Feeds {
    fn samples() -> Vec<Self> {
        let row = |feed, people| FeedRow { feed, people };
        let rows = |topics: Vec<TopicLink>| {
            let set = |topic: TopicLink| FeedSet::below(&topic.url, &topic.name);
            topics
                .into_iter()
                .map(|topic| row(set(topic), 21))
                .collect()
        };
        let group = |kind, feeds| FeedGroup { kind, feeds };
        let all = vec![row(feed("", "Усі новини"), 1_204)];
        let source = vec![row(feed("/sources/1", "Полтавська ОВА"), 0)];
        let list = vec![row(feed("/lists/all", LIST), 2)];
        let full = Self {
            action: format!("{URL}/feeds"),
            query: String::new(),
            groups: vec![
                group(FeedGroupKind::All, all),
                group(FeedGroupKind::Departments, rows(departments())),
                group(FeedGroupKind::Topics, rows(topics())),
                group(FeedGroupKind::Sources, source),
                group(FeedGroupKind::Lists, list),
            ],
            opml: format!("{URL}/feeds.opml"),
        };
        let none = Self {
            query: "землетрус".to_owned(),
            groups: Vec::new(),
            ..full.clone()
        };
        vec![full, none]
    }
}

impl Sample for FeedView {
    fn samples() -> Vec<Self> {
        let sign_up = || SignUpBox {
            action: format!("{URL}/lists/all/subscribe"),
            url: format!("{URL}/lists/all"),
            list: LIST.to_owned(),
        };
        let view = |articles, sign_up| Self {
            feed: feed("/topics/ekonomika", "економіка"),
            articles,
            sign_up,
        };
        vec![view(cards(), Some(sign_up())), view(Vec::new(), None)]
    }
}

impl Sample for Search {
    fn samples() -> Vec<Self> {
        let page = |query: &str, articles: Vec<ArticleCard>| Self {
            action: format!("{URL}/search"),
            query: query.into(),
            count: articles.len() as u64,
            articles,
            older: None,
            feed: (!query.is_empty())
                .then(|| feed("/search", query).asking("q=%D0%BE%D1%84%D1%96%D1%81")),
        };
        vec![
            page("офіс", cards()),
            page("<b>\"єдиноріг\"", Vec::new()),
            page("", Vec::new()),
        ]
    }
}

impl Sample for Archive {
    fn samples() -> Vec<Self> {
        let digest = |cadence, first, last, count| DigestLink {
            cadence,
            first: day(first),
            last: day(last),
            count,
            url: format!("{URL}/archive/news/1"),
        };
        let page = |digests| Self {
            list: list(),
            feed: feed("/lists/news", LIST),
            digests,
            older: None,
        };
        vec![
            page(vec![
                digest(Cadence::Daily, 26, 26, 5),
                digest(Cadence::Weekly, 19, 25, 41),
            ]),
            page(Vec::new()),
        ]
    }
}

impl Sample for ArchivedDigest {
    fn samples() -> Vec<Self> {
        vec![Self {
            list: list(),
            archive_url: format!("{URL}/archive/news"),
            url: format!("{URL}/archive/news/2"),
            cadence: Cadence::Weekly,
            count: 5,
            first: day(21),
            last: day(26),
            articles: cards(),
            older: None,
            previous: Some(format!("{URL}/archive/news/1")),
            next: Some(format!("{URL}/archive/news/3")),
            linked: serde_json::json!({ "name": "</script><b>&" }),
        }]
    }
}

impl Sample for Privacy {
    fn samples() -> Vec<Self> {
        let limit = |what, days| Limit { what, days };
        vec![Self {
            held: vec![
                Held::Person,
                Held::Choice,
                Held::Consent,
                Held::Bounce,
                Held::Suppression,
                Held::Asking,
                Held::Staff,
            ],
            limits: vec![
                limit(Held::Letters, 90),
                limit(Held::Attempts, 31),
                limit(Held::Told, 31),
                limit(Held::Unconfirmed, 7),
            ],
        }]
    }
}

impl Sample for SiteMap {
    fn samples() -> Vec<Self> {
        let full = Self {
            lists: vec![MappedList {
                card: list(),
                archive_url: format!("{URL}/archive/news"),
            }],
            departments: departments(),
            topics: topics(),
        };
        let empty = Self {
            lists: Vec::new(),
            departments: Vec::new(),
            topics: Vec::new(),
        };
        vec![full, empty]
    }
}

impl Sample for ErrorPage {
    fn samples() -> Vec<Self> {
        let form = Self {
            problem: Some(FormProblem::Email),
            ..Self::of(ErrorKind::Form)
        };
        let trouble = Self {
            number: Some("7f3a-0042".into()),
            ..Self::of(ErrorKind::Trouble)
        };
        let plain = [
            ErrorKind::NotFound,
            ErrorKind::Withdrawn,
            ErrorKind::Link,
            ErrorKind::Forbidden,
            ErrorKind::Bound,
            ErrorKind::Busy,
        ];
        plain
            .map(Self::of)
            .into_iter()
            .chain([form, trouble])
            .collect()
    }
}
