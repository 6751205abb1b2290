//! The reader's side, and the console, as people have them: in Debian's Chromium, narrow and wide, light and dark,
//! without a script.
//!
//! `VISNYK_LOOK=DIR` keeps a picture of each page looked at.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use visnyk::access::Role;
use visnyk::access::totp::Totp;
use visnyk::delivery::mailer::Kept;
use visnyk::store;
use visnyk::templates::Templates;
use visnyk::templates::samples;
use visnyk::web;
use visnyk::web::admin::sign_in_link;

use crate::support::app::TestApp;
use crate::support::chromium::Chromium;
use crate::support::database::Kind;
use crate::support::origin::Origin;
use crate::support::origin::answer;
use crate::web::desk::ROUTES;
use crate::web::desk::furnish;

/// A whole Visnyk on a port of its own.
struct Site {
    app: TestApp,
    base: String,
    _running: JoinSet<()>,
}

async fn site() -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = TestApp::on(Kind::Sqlite, [("VISNYK_BASE_URL", base.as_str())]).await;
    let mut running = JoinSet::new();
    let served = app.app.clone();
    running.spawn(async move { web::serve(served, listener).await.unwrap() });
    Site {
        app,
        base,
        _running: running,
    }
}

/// Where pictures of pages are kept, if anybody wants to look at them.
fn look() -> Option<PathBuf> {
    std::env::var_os("VISNYK_LOOK").map(PathBuf::from)
}

pub(super) async fn keep_picture(chromium: &Chromium, name: &str) {
    if let Some(folder) = look() {
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.png", name.replace('/', "_")));
        fs::write(file, chromium.picture().await).unwrap();
    }
}

/// axe-core, as `.ci/run` installs it, or wherever `VISNYK_AXE` says.
pub(super) fn axe() -> String {
    let named = std::env::var_os("VISNYK_AXE").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/ci/npm/node_modules/axe-core/axe.min.js");
    let path = named.unwrap_or(installed);
    fs::read_to_string(&path).unwrap_or_else(|_| panic!("axe-core at {}", path.display()))
}

/// What axe-core finds wrong, and whatever else a page must not do.
pub(super) async fn faults(chromium: &Chromium, axe: &str, base: &str) -> Vec<String> {
    let run = "const done = arguments[arguments.length - 1]; \
        axe.run(document, { resultTypes: ['violations'] }).then(found => done(found.violations.map( \
            one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 200)).join(' | '))), \
        problem => done(['axe: ' + problem]));";
    chromium.script(axe).await;
    let found = chromium.wait_for(run).await;
    let mut faults: Vec<String> = serde_json::from_value(found).unwrap();
    let asked = chromium
        .script("return performance.getEntriesByType('resource').map(one => one.name)")
        .await;
    let asked: Vec<String> = serde_json::from_value(asked).unwrap();
    let strange = asked.into_iter().filter(|url| !url.starts_with(base));
    faults.extend(strange.map(|url| format!("calls another host: {url}")));
    let wide = chromium
        .script("return document.documentElement.scrollWidth - window.innerWidth")
        .await;
    if wide.as_i64().unwrap() > 0 {
        faults.push(format!("{wide} pixels too wide"));
    }
    faults
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn every_page_and_letter_is_for_everybody_in_light_and_dark() {
    let site = site().await;
    let axe = axe();
    let folder = tempfile::tempdir().unwrap();
    let (shown, failed) = samples::show_all(&Templates::load(None).unwrap());
    assert!(failed.is_empty());
    let chromium = Chromium::open(390).await;
    let mut wrong = Vec::new();
    for (scheme, width, languages) in [
        ("light", 390, "uk en"),
        ("dark", 1280, "uk"),
        ("light", 320, "uk letters"),
    ] {
        chromium.in_colours(scheme).await;
        chromium.resize(width).await;
        for one in &shown {
            let (name, language) = one.name.rsplit_once('.').unwrap();
            if !languages.contains(language)
                || languages.contains("letters") && !name.starts_with("letters/")
                || language == "en" && !name.ends_with("-1")
            {
                continue;
            }
            let file = folder.path().join("page.html");
            fs::write(
                &file,
                one.html
                    .replace("https://visnyk.example/", &format!("{}/", site.base)),
            )
            .unwrap();
            chromium.go(&format!("file://{}", file.display())).await;
            let name = format!("{name}.{language}.{scheme}.{width}");
            keep_picture(&chromium, &name).await;
            let faults = faults(&chromium, &axe, &site.base).await;
            wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first link in a letter below `path`.
fn link(letter: &Kept, base: &str, path: &str) -> String {
    let letter = mail_parser::MessageParser::default()
        .parse(&letter.letter)
        .unwrap();
    let text = letter.body_text(0).unwrap();
    let start = format!("{base}{path}");
    let found = text
        .split_whitespace()
        .find(|word| word.starts_with(&start));
    found
        .unwrap_or_else(|| panic!("expected {start}, but got {text}"))
        .to_owned()
}

async fn letter(site: &Site) -> Kept {
    site.app.send().await;
    let mut letters = site.app.letters();
    assert!(!letters.is_empty(), "a letter is sent");
    letters.remove(0)
}

/// From a form on somebody else's page to being forgotten.
async fn goes_the_whole_way(width: u32) {
    let site = site().await;
    let list = site.app.add_list("all").await;
    site.app.publish("Новина-1", &["освіта"]).await;
    site.app.publish("Новина-2", &["дороги"]).await;
    let chromium = Chromium::open(width).await;
    chromium.without_scripts().await;
    let base = &site.base;
    let shows = async |text: &str, name: &str| {
        let page = chromium.text().await;
        assert!(page.contains(text), "expected {text}, but got {page}");
        keep_picture(&chromium, &format!("way/{name}.{width}")).await;
    };

    chromium.go(&format!("{base}/lists/all/embed?l=uk")).await;
    let snippet = chromium
        .script("return document.querySelector('code').textContent")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("elsewhere.html");
    fs::write(
        &file,
        format!(
            "<!DOCTYPE html><meta charset=utf-8>{}",
            snippet.as_str().unwrap()
        ),
    )
    .unwrap();
    chromium.go(&format!("file://{}", file.display())).await;
    chromium.fill("[name=email]", "olena@example.com").await;
    chromium.click("button").await;
    shows("Перевірте пошту", "asked").await;

    chromium
        .go(&link(&letter(&site).await, base, "/confirm/"))
        .await;
    shows("Підтвердьте підписку", "confirm").await;
    chromium.click("main button").await;
    shows("Підписку оформлено", "confirmed").await;

    let welcome = letter(&site).await;
    let preferences = link(&welcome, base, "/preferences/");
    chromium.go(&preferences).await;
    chromium.click("[name=cadence][value=weekly]").await;
    chromium.click("[name=topics][value=osvita]").await;
    chromium.click("[name=format]").await;
    keep_picture(&chromium, &format!("way/preferences.{width}")).await;
    chromium.click("main form button").await;
    shows("Зміни збережено", "saved").await;
    let standing = site
        .app
        .standing(&list, &"olena@example.com".parse().unwrap())
        .await;
    assert_eq!(standing.subscription.rhythm.cadence.as_str(), "weekly");
    assert_eq!(standing.subscription.topics.ids().len(), 1);

    chromium
        .script("document.querySelector('#until').value = '2026-06-20'")
        .await;
    chromium.click("form[action$='/pause'] button").await;
    shows("20 червня 2026", "paused").await;
    chromium.click("form[action$='/pause'] button").await;
    shows("Листи надходитимуть знову", "resumed").await;

    chromium.fill("#new-address", "olena.new@example.com").await;
    chromium.click("form[action$='/address'] button").await;
    shows("Ми надіслали лист на нову адресу", "new-address").await;
    let asked = letter(&site).await;
    assert_eq!(asked.envelope.to, "olena.new@example.com");
    chromium.go(&link(&asked, base, "/address/")).await;
    chromium.click("main button").await;
    shows("Адресу змінено", "address-changed").await;

    chromium.go(&preferences).await;
    shows("olena.new@example.com", "moved").await;
    chromium.click(".apart a").await;
    chromium.click("main button").await;
    shows("Ви відписалися", "left").await;
    chromium.click("button[value=same]").await;
    shows("Усе гаразд", "returned").await;
    site.app.wait(chrono::TimeDelta::hours(25)); // they have had their letters for today
    chromium.click("form[action$='/erasure'] button").await;
    shows("посилання", "erasure").await;
    site.app.send().await;
    let letters = site.app.letters();
    let erasure = letters
        .iter()
        .find(|kept| kept.name.starts_with("erasure-"))
        .unwrap();
    chromium.go(&link(erasure, base, "/erase/")).await;
    chromium.click("main button").await;
    shows("Дані стерто", "erased").await;
    assert_eq!(chromium.path().await.split('/').nth(1), Some("erase"));
    chromium.go(&preferences).await;
    shows("Посилання не працює", "gone").await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_reader_comes_chooses_and_goes_on_a_phone_without_scripts() {
    goes_the_whole_way(390).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_reader_comes_chooses_and_goes_on_a_desk_without_scripts() {
    goes_the_whole_way(1280).await;
}

/// Pages as they are served: with news, pictures' places and forms.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_newsroom_at_work_is_for_everybody() {
    let site = site().await;
    let axe = axe();
    let list = site.app.add_list("all").await;
    site.app.enrol(&list, 1).await;
    for number in 1..=25 {
        site.app
            .publish(&format!("Новина-{number}"), &["освіта", "дороги"])
            .await;
    }
    site.app.queue_digest(&list, "Новина-26").await;
    let chromium = Chromium::open(390).await;
    let mut wrong = Vec::new();
    for (scheme, width) in [("light", 390), ("dark", 1280)] {
        chromium.in_colours(scheme).await;
        chromium.resize(width).await;
        for path in [
            "/",
            "/articles/1",
            "/topics",
            "/topics/osvita",
            "/lists/all",
            "/archive/all",
            "/archive/all/1",
            "/feeds",
            "/map",
            "/privacy",
            "/link",
            "/nothing",
        ] {
            chromium.go(&format!("{}{path}", site.base)).await;
            keep_picture(&chromium, &format!("served{path}.{scheme}.{width}")).await;
            let faults = faults(&chromium, &axe, &site.base).await;
            wrong.extend(
                faults
                    .into_iter()
                    .map(|fault| format!("{path} {scheme}: {fault}")),
            );
        }
    }
    site.app.send().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An owner's first visit, by the link that the command line shows.
async fn comes_in(site: &Site, chromium: &Chromium) {
    let mut tx = site.app.db.begin().await.unwrap();
    let email = "owner@example.org".parse().unwrap();
    let id = store::user::add(&mut tx, &email, Role::Owner, site.app.now()).await;
    tx.commit().await.unwrap();
    let link = sign_in_link(&site.app, id.unwrap().unwrap()).await.unwrap();
    chromium.go(&format!("{link}?l=uk")).await;
    chromium.fill("#password", "correct horse battery").await;
    chromium.click("main button").await;
    assert_eq!(chromium.path().await, "/admin");
}

/// Every page of the console, with something of everything in it.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_console_is_for_everybody() {
    let site = site().await;
    let axe = axe();
    furnish(&site.app).await;
    site.app.send().await;
    let chromium = Chromium::open(390).await;
    comes_in(&site, &chromium).await;
    let mut tx = site.app.db.begin().await.unwrap();
    let editor = "editor@example.org".parse().unwrap();
    let editor = store::user::add(&mut tx, &editor, Role::Editor, site.app.now()).await;
    let lists = store::list::all(&mut tx).await.unwrap();
    let id = editor.unwrap().unwrap();
    let bound = store::user::bind(&mut tx, id, Some(&[lists[0].id])).await;
    bound.unwrap();
    tx.commit().await.unwrap();
    let mut wrong = Vec::new();
    for (scheme, width) in [("light", 390), ("dark", 1280)] {
        chromium.in_colours(scheme).await;
        chromium.resize(width).await;
        let gets = ROUTES.iter().filter(|(method, ..)| *method == "GET");
        let paths = gets.map(|(_, path, _)| *path);
        for path in paths.filter(|path| !path.contains(".csv")) {
            chromium.go(&format!("{}{path}", site.base)).await;
            keep_picture(&chromium, &format!("console{path}.{scheme}.{width}")).await;
            let faults = faults(&chromium, &axe, &site.base).await;
            let told = |fault| format!("{path} {scheme}: {fault}");
            wrong.extend(faults.into_iter().map(told));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A phone's code is set up by what the page shows, asked for at the next sign-in, and a lost
/// password changes nothing about it.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn an_owner_signs_in_with_a_code_without_scripts() {
    let site = site().await;
    let chromium = Chromium::open(390).await;
    chromium.without_scripts().await;
    comes_in(&site, &chromium).await;
    chromium.click("a[href$='/admin/account']").await;
    chromium.click("a[href$='/admin/account/code']").await;
    let salt = chromium
        .script("return document.querySelector('[name=salt]').value")
        .await;
    let salt = salt.as_str().unwrap();
    let totp = Totp::of(&site.app.secret, (1, salt), ("", "")).unwrap();
    assert!(chromium.text().await.contains(&totp.typed()));
    let code = totp.code(site.app.now());
    chromium.fill("[name=code]", &code).await;
    chromium
        .fill("[name=password]", "correct horse battery")
        .await;
    chromium.click("main form button").await;
    let page = chromium.text().await;
    assert!(page.contains("Збережіть запасні коди"), "{page}");
    chromium.click("form[action$='/sign-out'] button").await;

    site.app.wait(chrono::TimeDelta::minutes(2));
    chromium.click("a[href$='/lost']").await;
    chromium.fill("#email", "owner@example.org").await;
    chromium.click("main button").await;
    assert!(chromium.text().await.contains("вже йде лист"));
    let letter = letter(&site).await;
    chromium
        .go(&link(&letter, &site.base, "/admin/sign-in/"))
        .await;
    chromium.fill("#password", "another good password").await;
    chromium.click("main button").await;
    assert_eq!(chromium.path().await, "/admin/sign-in/code");
    chromium.fill("#code", &code).await;
    chromium.click("main button").await;
    assert!(chromium.text().await.contains("вже використаний"));
    let code = totp.code(site.app.now());
    chromium.fill("#code", &code).await;
    chromium.click("main button").await;
    assert_eq!(chromium.path().await, "/admin");
}

/// With scripts, a form shows what it catches as it's typed; nothing else needs one.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn selectors_show_what_they_catch_as_they_are_typed() {
    let site = site().await;
    let page = "<html><body><ul><li class=n><a href=/1>Перша новина міста</a></li>\
                <li class=n><a href=/2>Друга новина міста</a></li><li>Меню</li></ul>";
    let html = [("Content-Type", "text/html; charset=utf-8")];
    let origin = Origin::always(answer("200 OK", &html, page)).await;
    let chromium = Chromium::open(1280).await;
    comes_in(&site, &chromium).await;
    let form = format!("{}/admin/sources/new?kind=listing&url=", site.base);
    chromium.go(&format!("{form}{}", origin.at("/news"))).await;
    chromium.fill("[name=item]", "li.n").await;
    let rows = "const done = arguments[arguments.length - 1]; const look = setInterval(() => { \
        const rows = document.querySelectorAll('#caught tbody tr'); \
        if (rows.length > 0) { clearInterval(look); done([...rows].map(row => row.innerText)); } }, 50);";
    let rows = chromium.wait_for(rows).await;
    let rows: Vec<String> = serde_json::from_value(rows).unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].contains("Перша новина міста"), "{rows:?}");
    assert_eq!(chromium.path().await, "/admin/sources/new");
    keep_picture(&chromium, "console/typed").await;
}

/// A letter is spoilt, told so as it's typed and when it's saved, mended, saved, and brought back.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn an_owner_edits_a_letter_and_takes_it_back() {
    let site = site().await;
    let axe = axe();
    let chromium = Chromium::open(390).await;
    comes_in(&site, &chromium).await;
    let mut wrong = Vec::new();
    let mut look = async |name: &str| {
        for (scheme, width) in [("dark", 1280), ("light", 320), ("light", 390)] {
            chromium.in_colours(scheme).await;
            chromium.resize(width).await;
            keep_picture(&chromium, &format!("template/{name}.{scheme}.{width}")).await;
            let faults = faults(&chromium, &axe, &site.base).await;
            let told = |fault| format!("{name} {scheme} {width}: {fault}");
            wrong.extend(faults.into_iter().map(told));
        }
    };
    let shows = async |words: &str| {
        let page = chromium.text().await;
        assert!(page.contains(words), "expected {words}, but got {page}");
    };
    chromium.click("a[href$='/admin/templates']").await;
    look("list").await;
    chromium
        .click("a[href$='/templates/confirm/body.html']")
        .await;
    look("shipped").await;
    chromium.fill("[name=text]", "{% if %}").await;
    let told = "const done = arguments[arguments.length - 1]; const look = setInterval(() => { \
        const told = document.querySelector('#caught .problem'); \
        if (told && told.innerText.includes('{% if %}')) { clearInterval(look); done(told.innerText); } }, 50);";
    let told = chromium.wait_for(told).await;
    let told = told.as_str().unwrap();
    assert!(told.contains("Рядок 12: {% if %}"), "{told}");
    look("typed").await;
    chromium.click("button[value=save]").await;
    shows("Не збережено").await;
    shows("Рядок 12: {% if %}").await;
    look("refused").await;
    chromium
        .script(
            "const field = document.querySelector('[name=text]'); \
             field.value = field.value.replace('{% if %}', '').replace('<h1>', '<h1>Останній крок: ')",
        )
        .await;
    chromium.click("button[value=save]").await;
    shows("Збережено.").await;
    shows("+<h1>Останній крок: ").await;
    look("saved").await;
    chromium.click("button[value=try]").await;
    shows("Пробний лист уже йде до вас").await;
    let sample = letter(&site).await;
    assert_eq!(sample.envelope.to, "owner@example.org");
    chromium.click("form[action$='/shipped'] button").await;
    shows("-<h1>Останній крок: ").await;
    shows("Повернути цю версію").await;
    look("brought-back").await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ten thousand rows of a table whose columns nobody could guess, among them rows that are none.
#[tokio::test]
#[ignore = "needs Chromium"]
async fn an_editor_imports_ten_thousand_rows() {
    let site = site().await;
    let axe = axe();
    site.app.add_list("all").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("люди.csv");
    let rows = (0..10_000).map(|number| match number % 1_000 {
        7 => format!("=cmd|{number};Ім’я {number};subscribed\r\n"),
        8 => format!("r{number}@example.org;Ім’я {number};unsubscribed\r\n"),
        9 => format!("r{number}@example.org;Ім’я {number};cleaned\r\n"),
        _ => format!("r{number}@example.org;Ім’я {number};subscribed\r\n"),
    });
    let table = format!("Контакт;Хто;Як\r\n{}", rows.collect::<Vec<_>>().concat());
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(&table);
    fs::write(&file, bytes).unwrap();

    let chromium = Chromium::open(390).await;
    comes_in(&site, &chromium).await;
    let mut wrong = Vec::new();
    let mut look = async |name: &str| {
        for (scheme, width) in [("dark", 1280), ("light", 320), ("light", 390)] {
            chromium.in_colours(scheme).await;
            chromium.resize(width).await;
            keep_picture(&chromium, &format!("import/{name}.{scheme}.{width}")).await;
            let faults = faults(&chromium, &axe, &site.base).await;
            wrong.extend(
                faults
                    .into_iter()
                    .map(|fault| format!("{name} {scheme}: {fault}")),
            );
        }
    };
    let shows = async |words: &str| {
        let page = chromium.text().await;
        assert!(page.contains(words), "expected {words}, but got {page}");
    };
    chromium
        .go(&format!("{}/admin/subscribers", site.base))
        .await;
    chromium.click("a[href$='/subscribers/import']").await;
    look("start").await;
    chromium.fill("#file", file.to_str().unwrap()).await;
    chromium.click("main form.panel button").await;
    shows("0 людей почнуть отримувати розсилку").await;
    for (column, field) in [(0, "email"), (1, "name"), (2, "status")] {
        let option = format!("#c{column} option[value={field}]");
        chromium.click(&option).await;
    }
    chromium.click("button[value=map]").await;
    shows("9970 людей почнуть отримувати розсилку").await;
    shows("10 адрес стануть забороненими").await;
    shows("10 рядків пропустимо").await;
    shows("10 рядків не зрозуміли").await;
    look("looked").await;
    chromium
        .fill("#consent", "форма на сайті, підтверджено листом")
        .await;
    chromium.click("[name=sure]").await;
    chromium.click("button[value=begin]").await;
    shows("Опрацьовано рядків: 0 з 10").await;
    visnyk::audience::import::upload::take_part(&site.app, 1)
        .await
        .unwrap();
    chromium.click("a[href$='/import/1?still=1']").await;
    shows("Опрацьовано рядків: 1000 з 10").await;
    look("going").await;
    visnyk::audience::import::upload::take_due(&site.app)
        .await
        .unwrap();
    chromium.click("main a.quiet").await;
    shows("Імпорт завершено").await;
    shows("9970 людей підписано").await;
    look("done").await;
    let report = "const done = arguments[arguments.length - 1]; \
        fetch(document.querySelector('a[download]').href).then(file => file.text()).then(done);";
    let report = chromium.wait_for(report).await;
    let report = report.as_str().unwrap();
    assert_eq!(report.lines().count(), 21, "{report}");
    assert!(report.contains("9,\"Мала бути адреса, наприклад name@example.org, а є «=cmd|7»\",'=cmd|7,Ім’я 7,subscribed"), "{report}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
