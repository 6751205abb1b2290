//! Every page and every letter, in every language, from its samples.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use scraper::Html;
use scraper::Selector;
use visnyk::locale::Language;
use visnyk::templates::Templates;
use visnyk::templates::cards::Frame;
use visnyk::templates::letters::Digest;
use visnyk::templates::pages::Home;
use visnyk::templates::samples;
use visnyk::templates::samples::Shown;

/// All samples, rendered once for all tests.
pub(crate) fn show_all() -> &'static [Shown] {
    static SHOWN: LazyLock<Vec<Shown>> = LazyLock::new(|| {
        let (shown, failed) = samples::show_all(&Templates::load(None).unwrap());
        let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        shown
    });
    &SHOWN
}

fn find(name: &str) -> &'static Shown {
    let mut all = show_all().iter();
    all.find(|shown| shown.name == name).unwrap()
}

#[test]
fn every_template_renders_every_sample_in_every_language() {
    let shown = show_all();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for folder in ["pages", "pages/admin"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = name.strip_suffix(".html.j2") else {
                continue;
            };
            let is_page = ![
                "layout",
                "parts",
                "form",
                "digest_table",
                "first_steps",
                "chart",
                "coming",
                "live",
            ]
            .contains(&name);
            for language in Language::all() {
                let sample = format!("{folder}/{name}-1.{language}");
                let rendered = shown.iter().any(|shown| shown.name == sample);
                assert_eq!(rendered, is_page, "{sample}");
            }
        }
    }
}

#[test]
fn pages_call_no_other_host_and_carry_no_inline_style_and_no_script_but_the_consoles() {
    let outside = Selector::parse(
        "script:not([type='application/ld+json']), style, [style], iframe:not([sandbox='']), link[rel=stylesheet]:not([href^='https://visnyk.example/']), \
         img:not([src^='https://visnyk.example/']), [onclick], [onload]",
    )
    .unwrap();
    for shown in show_all().iter().filter(|shown| shown.text.is_none()) {
        let page = Html::parse_document(&shown.html);
        let own = "<script src=\"https://visnyk.example/assets/htmx.js\"";
        let is_console = shown.name.starts_with("pages/admin/");
        let scripts = shown.html.matches(own).filter(|_| is_console).count();
        let found = page.select(&outside).count();
        assert_eq!(found, scripts, "{}", shown.name);
        assert!(shown.html.len() < 50 * 1024, "{}", shown.name);
    }
}

#[test]
fn every_page_has_a_title_a_language_one_heading_and_labelled_fields() {
    let one = |page: &Html, css: &str| page.select(&Selector::parse(css).unwrap()).count();
    for shown in show_all() {
        let page = Html::parse_document(&shown.html);
        let language = shown.name.rsplit('.').next().unwrap();
        assert_eq!(
            one(&page, &format!("html[lang={language}]")),
            1,
            "{}",
            shown.name
        );
        assert_eq!(one(&page, "h1"), 1, "{}", shown.name);
        assert_eq!(one(&page, "title:not(:empty)"), 1, "{}", shown.name);
        assert_eq!(one(&page, "img:not([alt])"), 0, "{}", shown.name);
        let field = Selector::parse("input:not([type=hidden]), select").unwrap();
        for field in page.select(&field) {
            let by_id = field
                .value()
                .id()
                .is_some_and(|id| one(&page, &format!("label[for='{id}']")) == 1);
            let parents = field.ancestors().filter_map(scraper::ElementRef::wrap);
            let inside = parents
                .map(|parent| parent.value().name())
                .any(|name| name == "label");
            assert!(by_id || inside, "{}: {}", shown.name, field.html());
        }
    }
}

#[test]
fn a_digest_says_its_count_and_period_in_the_subject() {
    let subject = |name| find(name).text.clone().unwrap().0;
    assert_eq!(
        subject("letters/digest-1.uk"),
        "5 новин за 26 червня 2023 р. — Новини Полтавщини"
    );
    assert_eq!(
        subject("letters/digest-3.uk"),
        "22 новини за 21–26 червня 2023 р. — Новини Полтавщини"
    );
    assert_eq!(
        subject("letters/digest-1.en"),
        "5 articles for 26 June 2023 — Новини Полтавщини"
    );
    assert_eq!(
        subject("letters/digest-2.uk"),
        "На Полтавщині створили Регіональний офіс міжнародного співробітництва"
    );
}

#[test]
fn a_digest_shows_everything_in_html_and_in_text() {
    let letter = find("letters/digest-1.uk");
    let (_, text) = letter.text.as_ref().unwrap();
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "На Полтавщині створили Регіональний офіс міжнародного співробітництва",
        "Департамент інформаційної діяльності та комунікацій з громадськістю",
        "Департамент економічного розвитку, торгівлі та залучення інвестицій",
        "євроінтеграція",
        "26 червня 2023 р., 17:07",
        "Синоптики попередили про туман",
        "36014, Полтава, вулиця Соборності, 45",
        "CC BY 4.0",
        "https://visnyk.example/leave/token",
        "https://visnyk.example/preferences/token",
        "https://visnyk.example/articles/5",
        "olena@example.com",
    ] {
        assert!(letter.html.contains(part), "html lacks {part}");
        assert!(joined.contains(part), "text lacks {part}");
    }
    let long = text.lines().find(|line| line.chars().count() > 78);
    assert_eq!(long, None);
}

#[test]
fn a_long_digest_is_grouped_by_what_its_articles_share() {
    let letter = find("letters/digest-7.uk");
    let dom = Html::parse_document(&letter.html);
    let headings = Selector::parse("h2").unwrap();
    let headings: Vec<String> = dom
        .select(&headings)
        .map(|heading| heading.text().collect())
        .collect();
    assert_eq!(headings, ["економіка", "погода", "допомога", "Інші новини"]);
    let (_, text) = letter.text.as_ref().unwrap();
    let places = headings
        .iter()
        .map(|heading| text.find(&format!("== {heading} ==")));
    let places: Vec<Option<usize>> = places.collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{text}"
    );
}

#[test]
fn articles_from_elsewhere_name_their_source_and_licence_and_own_ones_do_not() {
    let letter = find("letters/digest-7.uk");
    let (_, text) = letter.text.as_ref().unwrap();
    for part in [&letter.html, text] {
        assert_eq!(part.matches("Гідрометцентр").count(), 2, "{part}");
        assert_eq!(part.matches("CC BY-SA 4.0").count(), 2, "{part}");
        assert_eq!(part.matches("CC BY 4.0").count(), 1, "{part}");
    }
}

#[test]
fn every_full_article_can_be_shared_while_there_is_room() {
    let share = Selector::parse("a[href^='https://t.me/share/url?url=https%3A']").unwrap();
    let shared = |name| {
        let dom = Html::parse_document(&find(name).html);
        dom.select(&share).count()
    };
    assert_eq!(shared("letters/digest-1.uk"), 2);
    assert_eq!(shared("letters/digest-4.uk"), 0);
}

#[test]
fn a_letter_too_long_for_mail_programs_says_how_many_are_left() {
    let letter = find("letters/digest-4.uk");
    assert!(letter.html.len() <= 90 * 1024, "{}", letter.html.len());
    assert!(letter.html.len() > 70 * 1024, "{}", letter.html.len());
    let (subject, text) = letter.text.as_ref().unwrap();
    assert!(subject.starts_with("105 новин за "), "{subject}");
    assert!(letter.html.contains("Ще ") && text.contains("Ще "));
}

#[test]
fn a_hostile_article_harms_neither_page_nor_letter() {
    let templates = Templates::load(None).unwrap();
    let site = samples::site();
    let mut home = <Home as samples::Sample>::samples().remove(0);
    let card = &mut home.articles[0];
    card.title = "</title><script>alert(1)</script>{{ site }}\r\nBcc: all@example.com".into();
    card.url = "javascript:alert(1)".into();
    card.summary = "\"><img src=x onerror=alert(1)>".into();
    let mut digest = <Digest as samples::Sample>::samples().remove(1);
    digest.articles = vec![card.clone()];

    let page = templates.page(
        &home,
        &Frame::new(&site, "https://visnyk.example/"),
        Language::Uk,
    );
    let letter = templates.letter(&digest, &site, Language::Uk).unwrap();
    for html in [page.unwrap(), letter.html] {
        let dom = Html::parse_document(&html);
        let harm = Selector::parse("script, [onerror], [href^=javascript], img[src=x]").unwrap();
        assert_eq!(dom.select(&harm).count(), 0, "{html}");
        assert!(
            html.contains("{{ site }}"),
            "what is printed is never read as a template"
        );
    }
    assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
}

#[test]
fn a_digest_after_a_long_silence_still_fits_and_counts_all() {
    let templates = Templates::load(None).unwrap();
    let mut digest = <Digest as samples::Sample>::samples().remove(2);
    let headline = digest.articles[0].clone();
    digest.articles = vec![headline; 6000];
    digest.more = 0;
    let letter = templates
        .letter(&digest, &samples::site(), Language::En)
        .unwrap();
    assert!(letter.html.len() <= 90 * 1024, "{}", letter.html.len());
    assert!(
        letter.subject.starts_with("6,000 articles"),
        "{}",
        letter.subject
    );
}

#[test]
fn templates_can_be_shared_between_tasks() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Templates>();
}

#[test]
fn a_mark_for_the_reader_survives_whole_in_every_place() {
    let templates = Templates::load(None).unwrap();
    let mut digest = <Digest as samples::Sample>::samples().remove(0);
    digest.reader.leave_url = "MARKLEAVE7f3a".into();
    digest.reader.preferences_url = "MARKPREFERENCES7f3a".into();
    digest.reader.address = "MARKADDRESS7f3a".into();
    let letter = templates
        .letter(&digest, &samples::site(), Language::Uk)
        .unwrap();
    for mark in ["MARKLEAVE7f3a", "MARKPREFERENCES7f3a", "MARKADDRESS7f3a"] {
        assert_eq!(letter.html.matches(mark).count(), 1, "{mark}");
        assert_eq!(letter.text.matches(mark).count(), 1, "{mark}");
        assert!(!letter.subject.contains(mark));
    }
    assert!(letter.html.contains("href=\"MARKLEAVE7f3a\""));
}

#[test]
fn styles_of_letters_are_inlined_and_dark_mode_is_kept() {
    let letter = find("letters/confirm-1.uk");
    assert!(
        letter.html.contains("@media (prefers-color-scheme"),
        "{}",
        letter.html
    );
    let button = Selector::parse("a[style*='background-color']").unwrap();
    assert_eq!(
        Html::parse_document(&letter.html).select(&button).count(),
        1
    );
}

#[test]
fn a_file_in_the_operators_directory_wins() {
    let own = tempfile::tempdir().unwrap();
    fs::create_dir_all(own.path().join("words")).unwrap();
    fs::create_dir_all(own.path().join("pages")).unwrap();
    fs::write(
        own.path().join("words/uk.toml"),
        "asked.title = 'Гляньте в пошту'",
    )
    .unwrap();
    fs::write(
        own.path().join("pages/left.html.j2"),
        "<h1>{{ page.list }}</h1>",
    )
    .unwrap();
    let (shown, failed) = samples::show_all(&Templates::load(Some(own.path())).unwrap());
    assert!(failed.is_empty(), "{failed:?}");
    let html = |name: &str| &shown.iter().find(|shown| shown.name == name).unwrap().html;
    assert!(html("pages/asked-1.uk").contains("<h1>Гляньте в пошту</h1>"));
    assert_eq!(html("pages/left-1.en"), "<h1>Новини Полтавщини</h1>");
}

#[test]
fn all_faults_of_all_files_are_told_together_with_their_places() {
    let own = tempfile::tempdir().unwrap();
    fs::create_dir_all(own.path().join("words")).unwrap();
    fs::create_dir_all(own.path().join("pages")).unwrap();
    let write = |name: &str, text: &str| fs::write(own.path().join(name), text).unwrap();
    write("words/en.toml", "only_here = 'x'\n");
    write("pages/home.html.j2", "\n{% if %}");
    write("pages/left.html.j2", "\n\n{{ t(\"no.such\") }}");
    write(
        "pages/asked.html.j2",
        "{% autoescape false %}{% endautoescape %}",
    );
    let faults = Templates::load(Some(own.path())).unwrap_err().to_string();
    for fault in [
        "words/uk.toml: expected the key `only_here`",
        "pages/home.html.j2:2: ",
        "pages/left.html.j2:3: expected a key of the words, but got `no.such`",
        "pages/asked.html.j2: expected escaping left on",
    ] {
        assert!(faults.contains(fault), "{fault} in\n{faults}");
    }
}

#[test]
fn every_word_is_said_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut sources = String::new();
    let mut folders = vec![root.clone(), root.with_file_name("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|end| end == "j2" || end == "rs")
            {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let words: toml::Table = fs::read_to_string(root.join("words/uk.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let mut unsaid = Vec::new();
    for (family, word) in &words {
        let inner = word.as_table().into_iter().flatten().map(|(key, _)| key);
        let in_code = format!("\"{family}.{{key}}\"");
        if sources.contains(&format!("t(\"{family}\"")) || sources.contains(&in_code) {
            continue;
        }
        unsaid.extend(
            inner
                .map(|key| format!("{family}.{key}"))
                .chain(word.is_str().then(|| family.clone()))
                .filter(|key| !sources.contains(&format!("t(\"{key}\""))),
        );
    }
    assert!(unsaid.is_empty(), "{unsaid:?}");
}

/// Writes the samples to `target/look/`, to be opened in a browser.
#[test]
#[ignore = "writes the samples for looking at"]
fn write_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look");
    for shown in show_all() {
        let file = folder.join(shown.name.replace('/', "_"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(file.with_added_extension("html"), &shown.html).unwrap();
        if let Some((subject, text)) = &shown.text {
            fs::write(
                file.with_added_extension("txt"),
                format!("{subject}\n\n{text}"),
            )
            .unwrap();
        }
    }
}

#[test]
fn a_letter_without_a_way_out_is_told() {
    let (shown, _) = samples::show_all(&Templates::load(None).unwrap());
    assert_eq!(samples::faults(&shown), []);
    let folder = tempfile::tempdir().unwrap();
    let letters = folder.path().join("letters/digest");
    fs::create_dir_all(&letters).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/letters/digest");
    let html = fs::read_to_string(own.join("body.html.j2")).unwrap();
    let html = html.replace("{{ reader.leave_url }}", "#");
    fs::write(letters.join("body.html.j2"), html).unwrap();
    fs::write(letters.join("body.txt.j2"), "{{ reader.leave_url }}").unwrap();
    let (shown, failed) = samples::show_all(&Templates::load(Some(folder.path())).unwrap());
    assert_eq!(failed.len(), 0);
    let faults = samples::faults(&shown);
    let told = |words: &str| faults.iter().any(|fault| fault.to_string().contains(words));
    assert!(told("ends the subscription in its HTML"), "{faults:?}");
    assert!(told("postal address in its text"), "{faults:?}");
    assert!(!told("welcome"), "{faults:?}");
}
