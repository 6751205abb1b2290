//! Samples of the console's pages.

use crate::audience::list::Cadence;
use crate::audience::pace::Silence;
use crate::delivery::silence::Why;
use crate::digest::alarm::Spike;
use crate::templates::admin::AdminDigest;
use crate::templates::admin::AdminHome;
use crate::templates::admin::AlarmNotice;
use crate::templates::admin::AskCode;
use crate::templates::admin::Coming;
use crate::templates::admin::DigestLine;
use crate::templates::admin::DigestPreview;
use crate::templates::admin::DigestRow;
use crate::templates::admin::DigestWord;
use crate::templates::admin::Digests;
use crate::templates::admin::Enter;
use crate::templates::admin::FailingSource;
use crate::templates::admin::LetterCounts;
use crate::templates::admin::Lost;
use crate::templates::admin::OtherWay;
use crate::templates::admin::SignIn;
use crate::templates::admin::SubscriberRow;
use crate::templates::admin::Subscribers;
use crate::templates::admin::SubscriptionWord;
use crate::templates::board::Letter;
use crate::templates::forms::FormProblem;
use crate::templates::samples::LIST;
use crate::templates::samples::Sample;
use crate::templates::samples::Show;
use crate::templates::samples::URL;
use crate::templates::samples::board;
use crate::templates::samples::first_steps;
use crate::templates::samples::letters::silent_list;
use crate::templates::samples::moment;

/// Renders them all.
pub(super) fn show(show: &mut Show<'_>) {
    show.page::<SignIn>();
    show.page::<AskCode>();
    show.page::<Lost>();
    show.page::<Enter>();
    show.page::<AdminHome>();
    show.page::<Subscribers>();
    show.page::<Digests>();
    show.page::<AdminDigest>();
}

impl Sample for SignIn {
    fn samples() -> Vec<Self> {
        let page = |email: &str, problem| Self {
            action: format!("{URL}/admin/sign-in"),
            email: email.into(),
            lost: format!("{URL}/admin/sign-in/lost"),
            provider: None,
            problem,
        };
        let by_provider = |problem| Self {
            provider: Some(OtherWay {
                url: format!("{URL}/admin/oidc"),
                name: "Дія".into(),
            }),
            ..page("", problem)
        };
        let told = FormProblem::OF_PROVIDERS.into_iter();
        [
            page("", None),
            page("redaktor@visnyk.example", Some(FormProblem::Password)),
            by_provider(None),
        ]
        .into_iter()
        .chain(told.map(|problem| by_provider(Some(problem))))
        .collect()
    }
}

impl Sample for AskCode {
    fn samples() -> Vec<Self> {
        let page = |problem| Self {
            action: format!("{URL}/admin/sign-in/code"),
            problem,
        };
        vec![page(None), page(Some(FormProblem::Code))]
    }
}

impl Sample for Lost {
    fn samples() -> Vec<Self> {
        let page = |sent| Self {
            action: format!("{URL}/admin/sign-in/lost"),
            sent,
        };
        vec![page(false), page(true)]
    }
}

impl Sample for Enter {
    fn samples() -> Vec<Self> {
        let page = |problem| Self {
            action: format!("{URL}/admin/sign-in/token"),
            email: "redaktor@visnyk.example".into(),
            problem,
        };
        vec![page(None), page(Some(FormProblem::Length))]
    }
}

fn digest_rows() -> Vec<DigestRow> {
    let row = |state, waiting, accepted| DigestRow {
        page: format!("{URL}/admin/digests/7"),
        list: LIST.into(),
        cadence: Cadence::Daily,
        cut: moment(),
        state,
        articles: 5,
        letters: LetterCounts {
            waiting,
            accepted,
            uncertain: 1,
            refused: 12,
        },
    };
    vec![
        row(DigestWord::Open, 0, 0),
        row(DigestWord::Held, 0, 0),
        row(DigestWord::Sending, 12_345, 104_233),
        row(DigestWord::Done, 0, 116_566),
        row(DigestWord::Cancelled, 0, 0),
    ]
}

impl Sample for AdminHome {
    fn samples() -> Vec<Self> {
        let full = Self {
            first_steps: None,
            articles: 1204,
            subscriptions: 116_578,
            waiting: 12_345,
            accepted: 104_233,
            silent: vec![silent_list(Why::Lost)],
            failing: vec![FailingSource {
                name: "Полтавська ОВА".into(),
                url: URL.into(),
                error: "expected a feed, but got `text/html`".into(),
            }],
            coming: coming(),
            digests: digest_rows(),
            charts: vec![board::chart()],
        };
        let empty = |first_steps| Self {
            first_steps: Some(first_steps),
            articles: 0,
            subscriptions: 0,
            waiting: 0,
            accepted: 0,
            silent: Vec::new(),
            failing: Vec::new(),
            coming: Vec::new(),
            digests: Vec::new(),
            charts: Vec::new(),
        };
        let [first, later] = first_steps::samples();
        vec![full, empty(first), empty(later)]
    }
}

impl Sample for Subscribers {
    fn samples() -> Vec<Self> {
        let row = |state| SubscriberRow {
            id: 1,
            url: format!("{URL}/admin/subscribers/1"),
            address: "olena@example.com".into(),
            name: "Олена".into(),
            list: LIST.into(),
            cadence: Cadence::Weekly,
            state,
            since: moment(),
        };
        let page = |rows: Vec<SubscriberRow>, next: Option<String>| Self {
            action: format!("{URL}/admin/subscribers"),
            query: String::new(),
            done: None,
            count: rows.len() as u64,
            more: next.is_some(),
            rows,
            next,
        };
        let rows = [
            SubscriptionWord::Asked,
            SubscriptionWord::Active,
            SubscriptionWord::Paused,
            SubscriptionWord::Ended,
        ]
        .map(row);
        let next = format!("{URL}/admin/subscribers?after=4");
        vec![page(rows.into(), Some(next)), page(Vec::new(), None)]
    }
}

fn line(id: i64, title: &str, dropped: bool) -> DigestLine {
    DigestLine {
        id,
        title: title.into(),
        url: format!("{URL}/articles/{id}"),
        dropped,
    }
}

/// For whoever gets the most, and for somebody who isn't a reader.
fn previews() -> [DigestPreview; 2] {
    let letter = Letter {
        title: "letter_in_uk",
        language: "uk",
        subject: "1 новина за 26 червня".into(),
        html: "<p>На Полтавщині відкрили офіс</p>".into(),
        text: "НА ПОЛТАВЩИНІ ВІДКРИЛИ ОФІС".into(),
    };
    [
        DigestPreview {
            letters: vec![letter],
            ..DigestPreview::default()
        },
        DigestPreview {
            reader: "nobody@example.org".into(),
            problem: Some("no_reader"),
            letters: Vec::new(),
        },
    ]
}

impl Sample for AdminDigest {
    /// Waits for a review; on its way; stopped by itself; done, seen by somebody who may only look.
    fn samples() -> Vec<Self> {
        let [whoever, nobody] = previews();
        let held = Self {
            action: format!("{URL}/admin/digests/7"),
            list: LIST.into(),
            cadence: Cadence::Daily,
            cut: moment(),
            state: DigestWord::Held,
            critical: false,
            alarm: None,
            review_until: Some(moment()),
            silence: Silence::Send,
            may_decide: true,
            arranges: true,
            letters: LetterCounts::default(),
            made: 0,
            introduction: "Головне за день.".into(),
            articles: vec![
                line(1, "На Полтавщині відкрили офіс", false),
                line(2, "Ремонт мосту", true),
            ],
            preview: Some(whoever),
        };
        let of_nobody = Self {
            preview: Some(nobody),
            ..held.clone()
        };
        let sending = Self {
            state: DigestWord::Sending,
            critical: true,
            review_until: None,
            arranges: false,
            letters: LetterCounts {
                waiting: 1_204,
                accepted: 8_796,
                uncertain: 3,
                refused: 12,
            },
            made: 10_015,
            preview: None,
            ..held.clone()
        };
        let stopped = Self {
            state: DigestWord::Held,
            critical: false,
            alarm: Some(AlarmNotice {
                why: Spike::Bounces,
                reports: 462,
                letters: 8_811,
            }),
            ..sending.clone()
        };
        let done = Self {
            state: DigestWord::Done,
            may_decide: false,
            articles: Vec::new(),
            ..sending.clone()
        };
        vec![held, of_nobody, sending, stopped, done]
    }
}

fn coming() -> Vec<Coming> {
    let due = |cadence, held| Coming {
        at: moment(),
        list: LIST.into(),
        url: format!("{URL}/admin/lists/all"),
        cadence,
        held,
    };
    vec![due(Cadence::Daily, false), due(Cadence::Weekly, true)]
}

impl Sample for Digests {
    fn samples() -> Vec<Self> {
        let page = |coming, rows, next| Self { coming, rows, next };
        let next = format!("{URL}/admin/digests?after=4");
        vec![
            page(coming(), digest_rows(), Some(next)),
            page(Vec::new(), Vec::new(), None),
        ]
    }
}
