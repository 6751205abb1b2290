//! Samples of every page and letter: what tests render, what `check` tries an operator's
//! templates on, what a preview shows. The news are those of the first home, Poltava.

mod admin;
mod api;
mod board;
mod first_steps;
mod imports;
mod letters;
mod pages;

use std::fmt;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;

use crate::article::Attribution;
use crate::audience::list::Cadence;
use crate::audience::pace::Days;
use crate::locale::Language;
use crate::templates::TemplateError;
use crate::templates::Templates;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::cards::Frame;
use crate::templates::cards::Licence;
use crate::templates::cards::ListCard;
use crate::templates::cards::Picture;
use crate::templates::cards::SignedIn;
use crate::templates::cards::Site;
use crate::templates::cards::TopicLink;
use crate::templates::contact::Contact;
use crate::templates::forms::CadenceChoice;
use crate::templates::forms::DayChoice;
use crate::templates::forms::FormProblem;
use crate::templates::forms::SignUpForm;
use crate::templates::forms::TopicChoice;
use crate::templates::letters::Letter;
use crate::templates::pages::Page;

const URL: &str = "https://visnyk.example";
const LIST: &str = "Новини Полтавщини";
const TITLE: &str = "На Полтавщині створили Регіональний офіс міжнародного співробітництва";

/// A context that comes with examples of itself, among them the odd ones: empty, long, failed.
pub trait Sample: Sized {
    /// At least one.
    fn samples() -> Vec<Self>;
}

/// A sample as it was rendered.
#[derive(Debug)]
pub struct Shown {
    /// `pages/home-1.uk`, `letters/digest-2.en`.
    pub name: String,
    /// A page, or the HTML of a letter.
    pub html: String,
    /// Subject and text of a letter.
    pub text: Option<(String, String)>,
}

/// Renders every sample of every page and letter in every language: what `check` does with an
/// operator's templates. All failures are returned together with what could be rendered.
pub fn show_all(templates: &Templates) -> (Vec<Shown>, Vec<TemplateError>) {
    let mut show = Show::new(templates);
    pages::show(&mut show);
    admin::show(&mut show);
    api::show(&mut show);
    board::show(&mut show);
    imports::show(&mut show);
    letters::show(&mut show);
    (show.shown, show.failed)
}

/// The same for the letters of one purpose.
pub fn show_letter(templates: &Templates, purpose: &str) -> (Vec<Shown>, Vec<TemplateError>) {
    let mut show = Show::new(templates);
    show.only = Some(purpose);
    letters::show(&mut show);
    (show.shown, show.failed)
}

/// Letters that people subscribed to, and what stands in each of them, whoever wrote its template:
/// the way out (RFC 8058; the law in most countries) and where the newsroom is.
const SUBSCRIBED: [&str; 2] = ["letters/digest-", "letters/welcome-"];
/// A letter's HTML that is longer is cut by big mail services, and the way out with it.
const MOST_LETTER: usize = 90 * 1024;

/// What a rendered letter lacks or has too much of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The sample's name.
    pub name: String,
    /// What it is: the name of a sentence below `template_fault.`.
    pub kind: &'static str,
    /// The same for whoever reads a terminal.
    pub words: String,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.words)
    }
}

/// What rendered letters lack or have too much of: none of it stops a template from being rendered.
pub fn faults(shown: &[Shown]) -> Vec<Lack> {
    let leave = format!("{URL}/leave/token");
    let address = site().address.unwrap_or_default();
    let mut faults = Vec::new();
    for one in shown {
        let Some((subject, text)) = &one.text else {
            continue;
        };
        let mut fault = |kind, words| {
            let name = one.name.clone();
            faults.push(Lack { name, kind, words });
        };
        let size = one.html.len();
        if size > MOST_LETTER {
            let words = format!("expected at most {MOST_LETTER} bytes of HTML, but got {size}");
            fault("long", words);
        }
        if subject.trim().is_empty() || text.trim().is_empty() {
            let words = "expected a subject and a text, but got nothing";
            fault("empty", words.to_owned());
        }
        if !SUBSCRIBED.iter().any(|name| one.name.starts_with(name)) {
            continue;
        }
        let html = ("HTML", &one.html, ["html_leave", "html_address"]);
        let text = ("text", text, ["text_leave", "text_address"]);
        for (part, body, [no_leave, no_address]) in [html, text] {
            let lacks = |what| format!("expected {what} in its {part}, but got none");
            if !body.contains(&leave) {
                fault(no_leave, lacks("the link that ends the subscription"));
            }
            if !body.contains(&address) {
                fault(no_address, lacks("the postal address"));
            }
        }
    }
    faults
}

struct Show<'a> {
    templates: &'a Templates,
    /// The only purpose whose letters are rendered, if it's given.
    only: Option<&'a str>,
    shown: Vec<Shown>,
    failed: Vec<TemplateError>,
}

impl<'a> Show<'a> {
    fn new(templates: &'a Templates) -> Self {
        Self {
            templates,
            only: None,
            shown: Vec::new(),
            failed: Vec::new(),
        }
    }

    fn page<P: Page>(&mut self) {
        let site = site();
        let url = format!("{URL}/here?page=2");
        let mut frame = Frame::new(&site, &url).with_feed(&feed("", "Усі новини"));
        frame.signed_in = P::NAME.starts_with("admin/").then(|| SignedIn {
            email: "redaktor@visnyk.example".into(),
            sign_out: format!("{URL}/admin/sign-out"),
            may_change: true,
            may_all: true,
            sees_all: true,
        });
        for (language, number, sample) in each::<P>() {
            match self.templates.page(&sample, &frame, language) {
                Ok(html) => self.shown.push(Shown {
                    name: format!("pages/{}-{number}.{language}", P::NAME),
                    html,
                    text: None,
                }),
                Err(error) => self.failed.push(error),
            }
        }
    }

    fn letter<L: Letter>(&mut self) {
        if self.only.is_some_and(|only| only != L::PURPOSE) {
            return;
        }
        for (language, number, sample) in each::<L>() {
            match self.templates.letter(&sample, &site(), language) {
                Ok(letter) => self.shown.push(Shown {
                    name: format!("letters/{}-{number}.{language}", L::PURPOSE),
                    html: letter.html,
                    text: Some((letter.subject, letter.text)),
                }),
                Err(error) => self.failed.push(error),
            }
        }
    }
}

fn each<S: Sample>() -> impl Iterator<Item = (Language, usize, S)> {
    Language::all().into_iter().flat_map(|language| {
        let numbered = S::samples().into_iter().zip(1..);
        numbered.map(move |(sample, number)| (language, number, sample))
    })
}

/// The sample site.
pub fn site() -> Site {
    Site {
        name: "Вісник Полтавщини".into(),
        description: "Новини Полтавської обласної військової адміністрації".into(),
        url: URL.into(),
        licence: Some(Licence::of_url(
            "https://creativecommons.org/licenses/by/4.0/",
        )),
        address: Some("36014, Полтава, вулиця Соборності, 45".into()),
        contacts: vec![
            Contact::hotline("112"),
            Contact::new(None, "+380 (532) 56-02-90"),
            Contact::new(Some("Пресслужба"), "press@visnyk.example"),
        ],
    }
}

fn feed(path: &str, title: &str) -> FeedSet {
    FeedSet::below(&format!("{URL}{path}"), title)
}

fn topic(path: &str, name: &str) -> TopicLink {
    TopicLink {
        name: name.into(),
        url: format!("{URL}/{path}"),
    }
}

fn departments() -> Vec<TopicLink> {
    vec![
        topic(
            "departments/informatsiia",
            "Департамент інформаційної діяльності та комунікацій з громадськістю",
        ),
        topic(
            "departments/ekonomika",
            "Департамент економічного розвитку, торгівлі та залучення інвестицій",
        ),
    ]
}

fn topics() -> Vec<TopicLink> {
    vec![
        topic("topics/ekonomika", "економіка"),
        topic("topics/ievrointehratsiia", "євроінтеграція"),
        topic(
            "topics/ofis",
            "Регіональний офіс міжнародного співробітництва",
        ),
    ]
}

fn picture(number: u8, alt: &str) -> Picture {
    Picture {
        url: format!("{URL}/pictures/{number}-1200.jpg"),
        small: format!("{URL}/pictures/{number}-640.jpg"),
        alt: alt.into(),
        width: Some(1200),
        height: Some(800),
    }
}

/// 26 June 2023, 17:07 in Kyiv.
fn moment() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2023-06-26T17:07:00+03:00").unwrap_or_default()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2023, 6, day).unwrap_or_default()
}

fn headline(id: u32, title: &str) -> ArticleCard {
    ArticleCard {
        title: title.into(),
        url: format!("{URL}/articles/{id}"),
        date: moment(),
        summary: String::new(),
        departments: Vec::new(),
        topics: Vec::new(),
        picture: None,
        language: "uk".into(),
        source: None,
        licence: None,
    }
}

fn press_release() -> ArticleCard {
    ArticleCard {
        summary: "Офіс діятиме при Полтавській облвійськадміністрації. Відповідне розпорядження \
                  підписав начальник ПОВА Дмитро Лунін."
            .into(),
        departments: departments(),
        topics: topics(),
        picture: Some(picture(1, TITLE)),
        ..headline(1, TITLE)
    }
}

fn cards() -> Vec<ArticleCard> {
    let meeting = ArticleCard {
        summary: "Підприємці розповіли про потребу в кадрах, доступі до пільгових кредитів і \
                  підтримці виходу на зовнішні ринки."
            .into(),
        topics: vec![topic("topics/ekonomika", "економіка")],
        ..headline(
            2,
            "«Діалог влади та бізнесу»: Володимир Когут провів зустріч із підприємцями",
        )
    };
    vec![
        press_release(),
        meeting,
        headline(
            3,
            "Корисні новини від платформи «Nazovni» МЗС України: пільгова участь у міжнародних виставках для виробників, зацікавлених у виході на ринок Казахстану",
        ),
        headline(
            4,
            "Корисні новини від ДУ «Офіс з розвитку підприємництва та експорту»: стартує набір компаній на міжнародну програму «Export to Sweden 2.0»",
        ),
        headline(5, "Синоптики попередили про туман"),
    ]
}

/// The news of a week: two themes, and what belongs to neither; some from elsewhere.
fn week() -> Vec<ArticleCard> {
    let weather = |id, title| ArticleCard {
        summary: "Видимість на дорогах області — 200–500 метрів.".into(),
        topics: vec![topic("topics/pohoda", "погода")],
        source: Some(Attribution {
            name: "Гідрометцентр".into(),
            url: "https://meteo.example/".into(),
        }),
        licence: Some(Licence::of_url(
            "https://creativecommons.org/licenses/by-sa/4.0/",
        )),
        ..headline(id, title)
    };
    let about = |id, title, path, name: &str| ArticleCard {
        topics: vec![topic(path, name)],
        ..headline(id, title)
    };
    let mut week = cards();
    week.push(weather(6, "На Полтавщині очікують грози"));
    week.push(weather(7, "Уночі на дорогах ожеледиця"));
    week.push(about(
        8,
        "Підтримка внутрішньо переміщених осіб: що гарантує держава",
        "topics/dopomoha",
        "допомога",
    ));
    week.push(about(
        9,
        "Отже, тобі потрібна допомога…",
        "topics/dopomoha",
        "допомога",
    ));
    week
}

fn form(problem: Option<FormProblem>) -> SignUpForm {
    let choice = |slug: &str, name: &str, chosen| TopicChoice {
        slug: slug.into(),
        name: name.into(),
        chosen,
    };
    let offered = [
        Cadence::Immediate,
        Cadence::Daily,
        Cadence::Weekly,
        Cadence::Monthly,
    ];
    let cadences = CadenceChoice::all(&offered, Cadence::Daily, |cadence| match cadence {
        Cadence::Immediate => Some(23),
        Cadence::Daily | Cadence::Weekdays => Some(5),
        Cadence::Weekly => Some(1),
        Cadence::Monthly => Some(0),
        Cadence::Hourly => None,
    });
    SignUpForm {
        action: format!("{URL}/lists/news/subscribe"),
        form: "1687788420.c2lnbmVk".into(),
        email: problem.map_or("", |_| "olena@").into(),
        name: String::new(),
        topics: vec![
            choice("ekonomika", "економіка", problem.is_some()),
            choice("ievrointehratsiia", "євроінтеграція", false),
        ],
        cadences,
        days: DayChoice::all(Days::WORKING),
        hour: 8,
        zone: "Europe/Kyiv".into(),
        zones: vec!["Europe/Kyiv".into(), "Europe/Warsaw".into()],
        letters_in: Language::Uk,
        problem,
    }
}

fn list() -> ListCard {
    ListCard {
        name: LIST.into(),
        description: "Усе, що сталося в області, в одному листі.".into(),
        url: format!("{URL}/lists/news"),
    }
}
