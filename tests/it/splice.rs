//! A digest is rendered once, with marks where its reader comes in; each letter has the reader's own
//! words in their place. That must give, to the byte, what rendering it for that reader would; and
//! where it can't, because a template asks about the reader, each letter is rendered on its own.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use mail_parser::MessageParser;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use visnyk::audience::EmailAddress;
use visnyk::delivery::mailer::Kept;
use visnyk::digest::edition;
use visnyk::digest::edition::Markup;
use visnyk::digest::edition::Own;
use visnyk::locale::Language;
use visnyk::source::Draft;
use visnyk::templates::Templates;
use visnyk::templates::letters::Digest;
use visnyk::templates::letters::Reader;
use visnyk::templates::samples;
use visnyk::templates::samples::Sample;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    a_template_that_asks_about_its_reader_gives_each_their_own,
}

/// Whatever may stand before the `@`, with all that HTML has for itself.
fn readers() -> impl Strategy<Value = Reader> {
    let name = "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}";
    (name, "[a-z]{1,20}", any::<u32>()).prop_map(|(name, host, number)| Reader {
        leave_url: format!("https://{host}.example/leave/{number}"),
        preferences_url: format!("https://{host}.example/preferences/{number}"),
        address: format!("{name}@{host}.example"),
    })
}

fn marks() -> Reader {
    Reader {
        leave_url: edition::LEAVE.to_owned(),
        preferences_url: edition::PREFERENCES.to_owned(),
        address: edition::ADDRESS.to_owned(),
    }
}

#[test]
fn marks_replaced_give_what_rendering_for_the_reader_gives() {
    let templates = Templates::load(None).unwrap();
    let site = samples::site();
    let mut shared = Vec::new();
    for language in Language::all() {
        // Those that are too long for a letter are rendered many times until they fit.
        let short = |digest: &Digest| digest.articles.len() <= 50;
        for digest in Digest::samples().into_iter().filter(short) {
            let digest = Digest {
                reader: marks(),
                ..digest
            };
            let (rendered, own) = templates.shared(&digest, &site, language).unwrap();
            assert_eq!(own, None, "ours asks nothing about its reader");
            shared.push((digest, language, rendered));
        }
    }
    let config = Config {
        cases: 8,
        failure_persistence: None,
        ..Config::default()
    };
    let check = |reader: Reader| {
        prop_assert!(reader.address.parse::<EmailAddress>().is_ok(), "{reader:?}");
        let own = Own {
            leave: &reader.leave_url,
            preferences: &reader.preferences_url,
            address: &reader.address,
        };
        for (digest, language, rendered) in &shared {
            let digest = Digest {
                reader: reader.clone(),
                ..digest.clone()
            };
            let full = templates.letter(&digest, &site, *language).unwrap();
            let html = edition::splice(&rendered.html, &own, Markup::Html);
            let text = edition::splice(&rendered.text, &own, Markup::Text);
            prop_assert_eq!(&full.subject, &rendered.subject);
            prop_assert_eq!(full.html, html);
            prop_assert_eq!(full.text, text);
        }
        Ok(())
    };
    TestRunner::new(config).run(&readers(), check).unwrap();
}

/// An operator's templates: one reader is greeted in another way than the rest.
fn own_templates() -> TempDir {
    let folder = TempDir::new().unwrap();
    let letters = folder.path().join("letters/digest");
    fs::create_dir_all(&letters).unwrap();
    let write = |name: &str, text: &str| {
        fs::write(Path::new(&letters).join(name), text).unwrap();
    };
    write(
        "subject.txt.j2",
        "{{ reader.address }}: {{ letter.articles[0].title }}",
    );
    write(
        "body.html.j2",
        "<html><head><title>x</title></head><body>\
         <p>{% if reader.address is startingwith(\"reader0\") %}first{% else %}other{% endif %}</p>\
         <p>{{ letter.articles[0].title }} {{ letter.articles[0].summary }}</p>\
         <a href=\"{{ reader.leave_url }}\">x</a></body></html>",
    );
    write(
        "body.txt.j2",
        "{{ reader.address|upper }}\n{{ letter.articles[0].summary }}\n{{ reader.leave_url }}\n",
    );
    folder
}

async fn a_template_that_asks_about_its_reader_gives_each_their_own(test: TestDb) {
    let templates = own_templates();
    let folder = templates.path().to_str().unwrap();
    let app = TestApp::over(test, [("VISNYK_TEMPLATES", folder)]).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 2).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    let letters = in_order(&app);
    assert_eq!(letters.len(), 2);
    for (kept, greeting) in letters.iter().zip(["first", "other"]) {
        let letter = MessageParser::default().parse(&kept.letter).unwrap();
        let to = &kept.envelope.to;
        assert_eq!(letter.subject().unwrap(), format!("{to}: Новина-1"));
        let html = letter.body_html(0).unwrap();
        assert!(html.contains(&format!("<p>{greeting}</p>")), "{html}");
        let plain = letter.body_text(0).unwrap();
        assert!(plain.contains(&to.to_ascii_uppercase()), "{plain}");
        let leave = "https://news.example.org/leave/";
        assert!(
            html.contains(leave) && plain.contains(leave),
            "{html}{plain}"
        );
        assert!(!html.contains("VISNYKmark") && !plain.contains("VISNYKmark"));
    }
    // The article is edited, and the letters go again as after a crash: they're as they were.
    let source = app.source().await;
    let edited = Draft {
        summary: "Уточнено.".to_owned(),
        ..draft("Новина-1", &[])
    };
    app.take_in(&source, vec![edited]).await;
    app.sql("UPDATE letter SET state = 'handing', leased_until = 0")
        .await;
    app.wait(TimeDelta::minutes(3));
    app.send().await;
    assert_eq!(in_order(&app), letters);
    app.finish().await;
}

/// By their names: which of several connections is first is nobody's promise.
fn in_order(app: &TestApp) -> Vec<Kept> {
    let mut letters = app.letters();
    letters.sort_by(|one, other| one.name.cmp(&other.name));
    letters
}
