//! A newcomer's way, in Debian's Chromium: from a first start to a digest of a feed in a mailbox, by
//! nothing but what the terminal, the screens and the letters say.
//!
//! Links and buttons are found by their words, fields by their labels. The only addresses that are
//! gone to are the sign-in link that the terminal prints and the link in the letter that confirms.
//! `--nocapture` prints the steps; `VISNYK_LOOK=DIR` keeps a picture of each page.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use visnyk::clock::Clock;
use visnyk::clock::SystemClock;
use visnyk::locale::Language;
use visnyk::templates::Templates;

use crate::support::chromium::Chromium;
use crate::support::command::Running;
use crate::support::command::Visnyk;
use crate::support::mail_server::MailServer;
use crate::support::mail_server::Script;
use crate::support::origin::Origin;
use crate::support::origin::answer;
use crate::web::in_chromium::axe;
use crate::web::in_chromium::faults;
use crate::web::in_chromium::keep_picture;

/// What the newcomer needs in all: commands, lines of settings, pages, presses and fields.
const MOST_STEPS: usize = 63;

/// Whose.
const OWNER: &str = "press@news.example";

/// Longer than anything takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

struct Newcomer {
    chromium: Chromium,
    width: u32,
    visnyk: Visnyk,
    folder: TempDir,
    running: Option<Running>,
    mailbox: MailServer,
    base: String,
    templates: Templates,
    language: Language,
    axe: String,
    steps: Vec<String>,
    wrong: Vec<String>,
}

impl Newcomer {
    async fn arrives(width: u32, language: Language) -> Self {
        let folder = TempDir::new().unwrap();
        let chromium = Chromium::open(width).await;
        chromium.without_scripts().await;
        // Whoever gives out ports gives another one next time.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        Self {
            chromium,
            width,
            visnyk: Visnyk::at(&folder.path().join("data")),
            folder,
            running: None,
            mailbox: Script::default().start().await,
            base: format!("http://127.0.0.1:{port}"),
            templates: Templates::load(None).unwrap(),
            language,
            axe: axe(),
            steps: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// A sentence of the pages.
    fn says(&self, key: &str) -> String {
        self.templates.say(self.language, key, None, &[]).unwrap()
    }

    fn step(&mut self, what: &str) {
        self.steps.push(what.to_owned());
        println!("{:2} {what}", self.steps.len());
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("visnyk.toml")
    }

    /// Writes settings, a step for each line that sets something.
    fn sets(&mut self, lines: &str) {
        use std::io::Write;
        let file = File::options()
            .create(true)
            .append(true)
            .open(self.config());
        writeln!(file.unwrap(), "{lines}").unwrap();
        let lines = lines.lines().filter(|line| line.contains(" = "));
        for line in lines {
            self.step(&format!("set {line}"));
        }
    }

    /// Starts the server, anew if it runs, and gives what it says when it has said this.
    async fn starts(&mut self, words: &str) -> String {
        self.step("run visnyk serve");
        self.running = None;
        let said = self.folder.path().join("said");
        let config = self.config();
        let arguments = ["serve", "--config", config.to_str().unwrap()];
        let stdout = File::create(&said).unwrap();
        self.running = Some(self.visnyk.start_into(&arguments, stdout.into()));
        let is_there = || {
            let said = std::fs::read_to_string(&said).unwrap();
            said.contains(words).then_some(said)
        };
        until("the server", is_there).await
    }

    /// Runs a command that somebody was told to run.
    fn runs(&mut self, command: &str) -> String {
        self.step(&format!("run {command}"));
        let config = self.config();
        let words = command.strip_prefix("visnyk ").unwrap().split(' ');
        let mut arguments: Vec<&str> = words.collect();
        arguments.extend(["--config", config.to_str().unwrap()]);
        let done = self.visnyk.run(&arguments);
        assert_eq!(done.code, 0, "{command}: {}", done.stderr);
        done.stdout
    }

    /// What somebody looks at: it's counted, and must be for everybody.
    async fn looks(&mut self) {
        let page = self.chromium.path().await;
        let number = self.steps.len() + 1;
        self.step(&format!("see {page}"));
        self.chromium.with_scripts(true).await;
        let name = format!("newcomer/{}.{number:02}{page}", self.width);
        keep_picture(&self.chromium, &name).await;
        let faults = faults(&self.chromium, &self.axe, &self.base).await;
        self.chromium.with_scripts(false).await;
        let told = faults.into_iter().map(|fault| format!("{page}: {fault}"));
        self.wrong.extend(told);
    }

    async fn goes(&mut self, link: &str) {
        self.chromium.go(link).await;
        self.looks().await;
    }

    async fn presses(&mut self, words: &str) {
        self.step(&format!("press {words}"));
        self.chromium.press(words).await;
        self.looks().await;
    }

    async fn fills(&mut self, label: &str, text: &str) {
        self.step(&format!("fill in {label}: {text}"));
        self.chromium.fill_in(label, text).await;
    }

    async fn sees(&self, words: &str) {
        let page = self.chromium.text().await;
        assert!(page.contains(words), "expected {words}, but got {page}");
    }

    /// Goes back in the browser: nothing on a reader's page leads to the console.
    async fn goes_back_to(&mut self, words: &str) {
        self.step("go back");
        for _ in 0..9 {
            self.chromium.back().await;
            if self.chromium.text().await.contains(words) {
                return;
            }
        }
        panic!("expected {words} further back");
    }

    /// Loads the page again until it says this.
    async fn reloads_until(&mut self, words: &str) {
        self.step("reload");
        let seen = async {
            while !self.chromium.text().await.contains(words) {
                self.chromium.reload().await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.unwrap_or_else(|_| panic!("expected {words} at last"));
        self.looks().await;
    }

    /// The next letter in the mailbox, in plain text after its subject.
    async fn gets_letter(&mut self, number: usize) -> String {
        let letter = || self.mailbox.accepted().into_iter().nth(number);
        let letter = until("a letter", letter).await;
        assert_eq!(letter.to, OWNER);
        let parsed = mail_parser::MessageParser::default();
        let parsed = parsed.parse(&letter.letter).unwrap();
        let text = parsed.body_text(0).unwrap().into_owned();
        let subject = parsed.subject().unwrap().to_owned();
        self.step(&format!("read the letter {subject}"));
        format!("{subject}\n{text}")
    }

    /// By the link that the terminal shows into the console.
    async fn comes_in(&mut self) {
        let relay = self.mailbox.address;
        let listen = self.base.trim_start_matches("http://").to_owned();
        // The last two because everything here is on one machine.
        self.sets(&format!(
            "listen = '{listen}'\n[[mail.relay]]\nurl = 'smtp://{relay}?tls=none'\n[ingest]\nallow = ['127.0.0.0/8']"
        ));
        let said = self.starts("Nobody can sign in yet").await;
        let told = said.lines().find(|line| line.contains("user add EMAIL"));
        let (_, command) = told.unwrap().split_once(": ").unwrap();
        let shown = self.runs(&command.replace("EMAIL", OWNER));
        let mut words = shown.split_whitespace();
        let link = words.find(|word| word.starts_with(&self.base)).unwrap();
        self.goes(link).await;
        if self.language == Language::Uk {
            self.presses("Українська").await;
        }
        let (password, enter) = (self.says("admin.new_password"), self.says("admin.enter"));
        self.fills(&password, "correct horse battery").await;
        self.presses(&enter).await;
        self.sees(&self.says("first_steps.title")).await;
    }

    /// Says whose letters they are, where the page asks for it.
    async fn names_the_newsroom(&mut self) {
        self.presses(&self.says("first_step_go.settings")).await;
        self.fills(&self.says("desk.name"), "Вісник громади").await;
        let sender = "Вісник громади <news@news.example>";
        self.fills(&self.says("desk.sender"), sender).await;
        self.presses(&self.says("desk.save")).await;
        self.sees(&self.says("desk.saved")).await;
    }

    /// Does what the page says of signatures, and sees the record to publish.
    async fn signs_letters(&mut self) {
        self.sees(&self.says("first_steps.unsigned")).await;
        self.presses(&self.says("desk.make_signing_key")).await;
        self.sees("v1._domainkey.news.example").await;
        self.sees("v=DKIM1; k=rsa; p=").await;
    }

    async fn sees_that_mail_works(&mut self) {
        self.presses(&self.says("first_step_go.letter")).await;
        self.sees(&self.says("test_letter.sent")).await;
        self.gets_letter(0).await;
        let signed = self.mailbox.accepted()[0].letter.clone();
        assert!(signed.starts_with(b"DKIM-Signature:"));
    }

    async fn makes_a_list_and_subscribes(&mut self) {
        self.reloads_until(&self.says("first_step_go.list")).await;
        self.presses(&self.says("first_step_go.list")).await;
        self.fills(&self.says("desk.slug"), "news").await;
        self.fills(&self.says("desk.name"), "Новини громади").await;
        self.presses(&self.says("desk.add")).await;
        self.presses(&self.says("admin.title")).await;
        self.presses(&self.says("first_step_go.reader")).await;
        self.fills(&self.says("sign_up.email"), OWNER).await;
        // As long as a person takes at least: whoever is quicker is taken for a program.
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.presses(&self.says("sign_up.button")).await;
        let letter = self.gets_letter(1).await;
        let mut words = letter.split_whitespace();
        let link = words.find(|word| word.starts_with(&self.base)).unwrap();
        self.goes(link).await;
        self.presses(&self.says("confirm.button")).await;
        self.gets_letter(2).await;
    }

    async fn has_a_feed_read(&mut self, feed: &str, title: &str) {
        self.goes_back_to(&self.says("first_steps.title")).await;
        self.reloads_until(&self.says("first_step_go.source")).await;
        self.presses(&self.says("first_step_go.source")).await;
        self.fills(&self.says("desk.address"), feed).await;
        self.presses(&self.says("desk.preview")).await;
        self.sees(title).await;
        self.presses(&self.says("desk.add")).await;
        self.presses(&self.says("admin.title")).await;
        self.reloads_until(&self.says("first_step_go.digest")).await;
    }

    async fn has_a_digest(&mut self, title: &str) {
        self.presses(&self.says("first_step_go.digest")).await;
        self.presses(&self.says("desk.send_digest_now")).await;
        self.sees(title).await;
        let digest = self.gets_letter(3).await;
        assert!(digest.contains(title), "{digest}");
        self.presses(&self.says("admin.title")).await;
        let page = self.chromium.text().await;
        assert!(!page.contains(&self.says("first_steps.title")), "{page}");
    }
}

/// Looks again and again until something is there.
async fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    let found = async {
        loop {
            beat.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("expected {what} by now"))
}

async fn from_nothing_to_a_digest(width: u32, language: Language) {
    let title = "У громаді відкрили оновлену бібліотеку";
    let published = SystemClock.now().utc().to_rfc2822();
    let feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><rss version=\"2.0\"><channel><title>Громада</title>\
         <link>https://hromada.example/</link><description>Новини</description><item><title>{title}</title>\
         <link>https://hromada.example/1</link><guid>https://hromada.example/1</guid><pubDate>{published}</pubDate>\
         <description>Читальня знову чекає на відвідувачів щодня, крім понеділка.</description></item></channel></rss>"
    );
    let kind = [("Content-Type", "application/rss+xml; charset=utf-8")];
    let origin = Origin::always(answer("200 OK", &kind, feed)).await;

    let mut newcomer = Newcomer::arrives(width, language).await;
    newcomer.comes_in().await;
    newcomer.names_the_newsroom().await;
    newcomer.signs_letters().await;
    newcomer.sees_that_mail_works().await;
    newcomer.makes_a_list_and_subscribes().await;
    newcomer.has_a_feed_read(&origin.at("/feed"), title).await;
    newcomer.has_a_digest(title).await;

    let wrong = newcomer.wrong.join("\n");
    assert!(wrong.is_empty(), "{wrong}");
    let steps = newcomer.steps.len();
    assert!(
        steps <= MOST_STEPS,
        "expected at most {MOST_STEPS} steps, but got {steps}"
    );
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_newcomer_has_a_digest_in_the_mailbox_on_a_phone_in_ukrainian() {
    from_nothing_to_a_digest(390, Language::Uk).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_newcomer_has_a_digest_in_the_mailbox_on_a_desk_in_english() {
    from_nothing_to_a_digest(1280, Language::En).await;
}
