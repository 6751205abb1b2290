//! What strangers try, as a table: each row asks once, and nothing may come of it.
//!
//! A row has a name, who asks, for what, and how it ends: refused with a status, refused somehow,
//! harmless whatever the status, or taken — then nobody is confirmed, let in or given a role by it, and
//! no letter that goes out says more than it should. Beside that no row may shake the server (5xx), have
//! a page run anything, lead to another host or set a header. [`security`](crate::security) asks what
//! takes more than one request, and has its own table; this one is by requirement of OWASP ASVS 5.0:
//!
//! | chapter | requirement | shown by |
//! |---|---|---|
//! | V1 encoding | 1.2.1, 1.3.1 markup | [`markup_runs_nowhere`], `security::what_people_wrote_runs_nowhere`, `templates::a_hostile_article_harms_neither_page_nor_letter` |
//! | | 1.2.4 statements | [`no_question_becomes_a_statement`], `security::nothing_that_is_asked_becomes_sql` |
//! | | 1.2.10 formulas | [`no_name_becomes_a_formula`], `web::desk::the_file_of_subscribers_holds_no_formula_and_comes_back_in` |
//! | | 1.3.6 our own network | [`programs_of_others_prove_themselves_and_lead_to_nothing_within`], `source::fetch::address` |
//! | | 1.3.7, 1.3.12 templates and expressions | `templates::all_faults_of_all_files_are_told_together_with_their_places`, `source::xml` |
//! | | 1.3.11 line ends | [`a_line_end_begins_no_header`], `security::a_line_end_in_a_name_makes_no_header` |
//! | V2 logic | 2.4.1 budgets | `web::flood`, `web::sign_up::a_network_has_a_budget_of_sign_ups` |
//! | V3 web | 3.3.1–3.3.4 cookies | `web::admin::a_link_lets_in_once_and_sets_a_password` |
//! | | 3.4.1–3.4.8 policy and frames | `security::every_answer_tells_browsers_to_run_nothing` |
//! | | 3.5.1–3.5.3 forged posts, GET | [`another_site_changes_nothing`], [`looking_changes_nothing`] |
//! | | 3.5.8, 3.7.2 other origins, redirects | [`nobody_is_led_elsewhere`] |
//! | V4 API | 4.1.1, 4.1.4 types and methods | [`another_site_changes_nothing`], [`hosts_and_methods_that_are_none_of_ours_change_nothing`] |
//! | | 4.2.1 messages that two servers read differently | [`no_message_hides_another`] |
//! | V5 files | 5.2.1 size | [`too_much_is_refused`], [`whoever_posts_too_slowly_is_told_so`] |
//! | | 5.3.2 names | [`no_name_leads_out_of_a_folder`] |
//! | V6 passwords | 6.3.1, 6.3.8 guessing, telling accounts apart | `web::admin::a_wrong_password_and_an_unknown_address_look_alike`, `web::flood::neither_a_clock_nor_an_answer_tells_known_addresses_from_unknown_ones` |
//! | V7 sessions | 7.2.1–7.2.4, 7.4.1 | [`no_session_is_planted_guessed_or_revived`], `security::a_session_is_new_at_each_sign_in_and_ends` |
//! | V8 rights | 8.2.1–8.3.1 roles, scopes, others' rows | [`nobody_reaches_what_belongs_to_others`], `web::desk::each_role_may_do_what_it_may_and_nothing_else`, `web::bound::what_belongs_to_another_list_is_not_there` |
//! | V9 tokens | 9.2.1–9.2.3 | [`a_link_does_only_what_it_was_made_for`], `web::reader::a_link_opens_only_what_it_was_made_for` |
//! | V10 OpenID Connect | 10.1.2, 10.2.1 sign-in that another browser began, a code used twice | `web::oidc::a_try_is_good_once_for_ten_minutes_and_in_its_own_browser` |
//! | | 10.2.2 another provider that answers (mix-up) | `web::oidc::what_goes_wrong_is_said_and_changes_nothing` |
//! | | 10.5.1–10.5.4 nonce, subject, issuer, audience; 9.1.1–9.1.3, 9.2.1, 9.2.3 signature, algorithm, keys, time, audience | `web::oidc::a_token_that_is_not_right_lets_nobody_in`, `web::oidc::the_first_time_the_address_counts_and_then_the_subject_alone` |
//! | | 3.7.2 no way to another host | `web::oidc::nobody_is_led_elsewhere_and_too_many_tries_are_too_many` |
//! | V14 data | 14.2.1, 14.3.2 | `security::links_never_come_from_the_host_header`, `security::pages_with_people_on_them_are_not_kept` |
//! | V15 code | 15.3.3 fields that nobody meant | [`no_field_beyond_those_meant_is_taken`] |
//! | V16 errors | 16.5.1 | `web::guard::our_own_trouble_has_a_number_and_no_particulars` |

mod rows;
mod wire;

use std::collections::BTreeSet;

use axum::http::Method;
use chrono::TimeDelta;
use visnyk::access::Purpose;
use visnyk::access::Role;
use visnyk::access::SignedLink;
use visnyk::access::key::Scope;
use visnyk::audience::sign_up;
use visnyk::store;
use visnyk::web::admin::sign_in_link;

use crate::security::runs;
use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::api::script;
use crate::web::desk::furnish;
use crate::web::desk::signed_in;
use crate::web::state;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Stranger,
    Viewer,
    Editor,
    Owner,
    /// A script that may read articles.
    Key,
}

/// How it must end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// With this status, and nothing changed.
    Refused(u16),
    /// With some status from 400 to 499, and nothing changed.
    TurnedAway,
    /// At this address, and nothing changed.
    At(&'static str),
    /// Nothing changed.
    Harmless,
    /// Something may have changed, but nobody's standing.
    Taken,
}

/// One row.
#[derive(Debug, Clone)]
struct Attack {
    name: &'static str,
    by: By,
    method: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    end: End,
}

fn get(name: &'static str, by: By, path: &str) -> Attack {
    Attack {
        name,
        by,
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        end: End::Harmless,
    }
}

fn post(name: &'static str, by: By, path: &str, body: &str) -> Attack {
    Attack {
        method: "POST".to_owned(),
        body: body.to_owned(),
        ..get(name, by, path)
    }
}

impl Attack {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn refused(self, status: u16) -> Self {
        self.ends(End::Refused(status))
    }

    fn turned_away(self) -> Self {
        self.ends(End::TurnedAway)
    }

    fn leads_to(self, place: &'static str) -> Self {
        self.ends(End::At(place))
    }

    fn taken(self) -> Self {
        self.ends(End::Taken)
    }

    fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

/// Something of everything, and somebody of every kind.
struct Scene {
    app: TestApp,
    people: Vec<(By, Browser)>,
    words: Vec<(&'static str, String)>,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::new().await;
        furnish(&app).await;
        let city = app.add_list("city").await;
        let wish = TestApp::wish("asked@example.org");
        sign_up::ask(&app, &city, &wish).await.unwrap();
        let asked = app.standing(&city, &wish.email).await.subscription;
        let reader = TestApp::wish("reader@example.org");
        let reader = app.subscribe(&city, &reader).await.subscription;
        app.send().await;
        app.letters();
        let expired = SignedLink {
            number: asked.id.0,
            made: app.now() - TimeDelta::days(400),
        };
        let leave = app.token(&reader, Purpose::Leave);
        let shifted = leave.split_once('.').unwrap().1;
        let (ended, viewer) = ended_session(&app).await;
        let mut people = vec![(By::Stranger, Browser::of(&app)), (By::Viewer, viewer)];
        for (by, role) in [(By::Editor, Role::Editor), (By::Owner, Role::Owner)] {
            people.push((by, signed_in(&app, role).await));
        }
        people.push((
            By::Key,
            script(&app, "attacker", &[Scope::ArticlesRead]).await,
        ));
        let words = vec![
            ("{shifted}", format!("{}.{shifted}", asked.id.0)),
            ("{leave}", leave),
            ("{confirm}", app.token(&asked, Purpose::Confirm)),
            ("{preferences}", app.token(&reader, Purpose::Preferences)),
            ("{erase}", app.token(&reader, Purpose::Erasure)),
            ("{expired}", expired.sign(Purpose::Confirm, &app.secret)),
            ("{ended}", ended),
            ("{key}", "visnyk_AAAA".to_owned()),
        ];
        Self { app, people, words }
    }

    fn filled(&self, text: &str) -> String {
        let words = self.words.iter();
        words.fold(text.to_owned(), |text, (word, value)| {
            text.replace(word, value)
        })
    }

    async fn ask(&self, attack: &Attack) -> Answer {
        let (_, browser) = self.people.iter().find(|(by, _)| *by == attack.by).unwrap();
        let mut browser = browser.with("accept-language", "en");
        // A header that the row has takes the place of our own.
        browser
            .headers
            .retain(|(name, _)| attack.headers.iter().all(|(own, _)| own != name));
        let has_type = browser
            .headers
            .iter()
            .chain(&attack.headers)
            .any(|(name, _)| *name == "content-type");
        if attack.method == "POST" && !has_type {
            browser = browser.with("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in &attack.headers {
            browser = browser.with(name, &self.filled(value));
        }
        let method: Method = attack.method.parse().unwrap();
        let (path, body) = (self.filled(&attack.path), self.filled(&attack.body));
        browser.ask(method, &path, body).await
    }

    /// What is wrong about how an attack ended.
    async fn wrong(&self, attack: &Attack) -> Vec<String> {
        let before = state(&self.app).await;
        let answer = self.ask(attack).await;
        let after = state(&self.app).await;
        let mut wrong = harm(&answer);
        let status = answer.status.as_u16();
        match &attack.end {
            End::Refused(expected) if status != *expected => {
                wrong.push(format!("expected {expected}, but got {status}"));
            }
            End::TurnedAway if !answer.status.is_client_error() => {
                wrong.push(format!("expected a refusal, but got {status}"));
            }
            End::At(place) if answer.location() != *place => wrong.push(format!(
                "expected {place}, but got {status} {}",
                answer.location()
            )),
            _ => {}
        }
        match attack.end {
            End::Taken if standings(&before) != standings(&after) => {
                wrong.push("somebody's standing changed".to_owned());
            }
            End::Taken => {}
            _ if before != after => wrong.push(format!("changed {:?}", changed(&before, &after))),
            _ => {}
        }
        wrong
    }
}

/// The cookie of a viewer's session that was good; and the viewer, signed in anew.
async fn ended_session(app: &TestApp) -> (String, Browser) {
    let browser = signed_in(app, Role::Viewer).await;
    browser.post("/admin/sign-out", "").await;
    let ended = browser.headers.iter().find(|(name, _)| *name == "cookie");
    let all = store::user::all(&mut app.db.read().await.unwrap()).await;
    let (user, _) = all.unwrap().remove(0);
    let link = sign_in_link(app, user.id).await.unwrap();
    let path = link.strip_prefix("https://news.example.org").unwrap();
    let entered = Browser::of(app).post(path, "").await;
    let cookie = entered.header("set-cookie").split(';').next().unwrap();
    (
        ended.unwrap().1.clone(),
        Browser::of(app).with("cookie", cookie),
    )
}

fn lines(state: &str) -> BTreeSet<&str> {
    state.lines().collect()
}

fn changed<'a>(before: &'a str, after: &'a str) -> Vec<&'a str> {
    lines(before)
        .symmetric_difference(&lines(after))
        .copied()
        .collect()
}

/// Who is confirmed, gets letters and has a role.
fn standings(state: &str) -> BTreeSet<&str> {
    let stands = |line: &&str| {
        line.starts_with("user ") && !line.contains("viewer")
            || line.starts_with("subscriber ") && line.ends_with("confirmed")
            || line.starts_with("subscription ") && line.ends_with("active")
    };
    state.lines().filter(stands).collect()
}

/// What no answer may do, whatever was asked.
fn harm(answer: &Answer) -> Vec<String> {
    let mut harm = Vec::new();
    if answer.status.is_server_error() {
        harm.push(format!("shakes the server: {}", answer.status));
    }
    if answer.header("content-type").starts_with("text/html") && runs(&answer.body) {
        harm.push(format!("runs: {}", answer.body));
    }
    for attribute in ["href", "src", "action", "content"] {
        for host in ["https://evil", "http://evil", "//evil"] {
            if answer.body.contains(&format!("{attribute}=\"{host}")) {
                harm.push(format!("leads to {host} by {attribute}"));
            }
        }
    }
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if value.contains("evil=1")
            || value.contains("evil.example")
            || name.as_str().starts_with("access-control")
        {
            harm.push(format!("says {name}: {value}"));
        }
    }
    harm
}

/// Asks each row, and then sends what was queued: nobody else may be written to, about nothing else.
async fn try_all(attacks: Vec<Attack>) {
    let scene = Scene::new().await;
    let mut all_wrong = Vec::new();
    for attack in &attacks {
        for wrong in scene.wrong(attack).await {
            let path: String = attack.path.chars().take(120).collect();
            let headers: String = format!("{:?}", attack.headers).chars().take(200).collect();
            let body: String = attack.body.chars().take(120).collect();
            all_wrong.push(format!(
                "{}: {} {path} {headers} {body:?}: {wrong}",
                attack.name, attack.method
            ));
        }
    }
    scene.app.send().await;
    for kept in scene.app.letters() {
        let letter = String::from_utf8_lossy(&kept.letter).into_owned();
        let (head, _) = letter.split_once("\r\n\r\n").unwrap();
        let mut names = head.lines().map(str::to_ascii_lowercase);
        if names.any(|line| line.starts_with("bcc"))
            || letter.contains("evil.example")
            || kept.envelope.to.contains("evil")
        {
            all_wrong.push(format!("a letter to {}: {head}", kept.envelope.to));
        }
    }
    assert!(
        all_wrong.is_empty(),
        "{} of {}:\n{}",
        all_wrong.len(),
        attacks.len(),
        all_wrong.join("\n")
    );
}

/// A test of each kind, and [`KINDS`].
macro_rules! kinds {
    ($($test:ident = $rows:ident,)*) => {
        const KINDS: &[fn() -> Vec<Attack>] = &[$(rows::$rows),*];
        $(#[tokio::test]
        async fn $test() {
            try_all(rows::$rows()).await;
        })*
    };
}

kinds! {
    another_site_changes_nothing = forged,
    no_session_is_planted_guessed_or_revived = sessions,
    markup_runs_nowhere = markup,
    nobody_is_led_elsewhere = redirects,
    a_line_end_begins_no_header = headers,
    no_question_becomes_a_statement = statements,
    no_name_leads_out_of_a_folder = paths,
    no_field_beyond_those_meant_is_taken = fields,
    nobody_reaches_what_belongs_to_others = others,
    a_link_does_only_what_it_was_made_for = tokens,
    looking_changes_nothing = looking,
    too_much_is_refused = size,
    hosts_and_methods_that_are_none_of_ours_change_nothing = hosts,
    programs_of_others_prove_themselves_and_lead_to_nothing_within = programs,
}

/// Names that a spreadsheet would reckon with.
const FORMULAS: &[&str] = &[
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "=HYPERLINK(\"https://evil.example\")",
    " =1",
    "\t=1",
    "\r=1",
    "＝1",
];

#[tokio::test]
async fn no_name_becomes_a_formula() {
    let scene = Scene::new().await;
    for (number, formula) in FORMULAS.iter().enumerate() {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("email", &format!("formula{number}@example.org"));
        form.append_pair("name", formula);
        let asked = post(
            "a formula",
            By::Stranger,
            "/lists/all/subscribe",
            &form.finish(),
        );
        // From as many networks: one has a budget.
        let asked = asked.with("x-forwarded-for", "203.0.113.7");
        scene.ask(&asked).await;
        scene.app.wait(TimeDelta::minutes(1));
    }
    let file = scene
        .ask(&get("the file", By::Owner, "/admin/subscribers.csv"))
        .await;
    let mut read = csv::Reader::from_reader(file.body.as_bytes());
    let rows: Vec<csv::StringRecord> = read.records().map(Result::unwrap).collect();
    let formulas = rows.iter().filter(|row| row[0].starts_with("formula"));
    assert_eq!(formulas.count(), FORMULAS.len(), "{}", file.body);
    for cell in rows.iter().flatten() {
        let begins = cell.trim_start_matches(' ').chars().next();
        assert!(
            !begins.is_some_and(|first| "=+-@\t\r＝".contains(first)),
            "{cell:?}"
        );
    }
}

/// Whoever takes rows away has to say so here.
#[test]
fn there_are_as_many_attacks_as_are_told() {
    let rows: usize = KINDS.iter().map(|kind| kind().len()).sum();
    let all = rows + FORMULAS.len() + wire::MESSAGES.len();
    assert_eq!(all, 363);
}
