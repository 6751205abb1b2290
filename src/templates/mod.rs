//! How Visnyk looks and speaks: letters and pages from templates.
//!
//! In come typed contexts ([`pages`], [`letters`]) and a language; out come whole HTML pages and
//! letters of subject, HTML and text. The templates are part of the binary; a file of the same
//! name in the operator's directory wins, words key by key. All of them are parsed, and every
//! word they say is looked up, when they are loaded. Texts of letters that owners wrote in the
//! console stand over those ([`Templates::with`]); one that fails gives way to what it stands over
//! ([`Templates::over`]), so that no letter is lost. Rendering does no I/O.

mod engine;

pub mod admin;
pub mod api;
pub mod board;
pub mod cards;
pub mod contact;
pub mod first_steps;
pub mod forms;
pub mod groups;
pub mod imports;
pub mod in_force;
pub mod letters;
pub mod pages;
pub mod samples;
pub mod structured;
pub mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use minijinja::Environment;
use minijinja::Value;
use minijinja::context;
use minijinja::value::Serde;
use rust_embed::RustEmbed;

use crate::digest::edition;
use crate::digest::edition::Markup;
use crate::digest::edition::Own;
use crate::locale::Language;
use crate::templates::cards::Frame;
use crate::templates::cards::Site;
use crate::templates::letters::Letter;
use crate::templates::letters::Reader;
use crate::templates::pages::Page;
use crate::templates::words::Problem;
use crate::templates::words::Words;

/// Bytes of one rendered page or part of a letter.
const MOST_OUTPUT: usize = 2 * 1024 * 1024;

/// Bytes of a letter's HTML: Gmail hides what comes after about 102 kB, and the reader's own
/// links, put in later, need some room below the promised 90 KiB.
const MOST_LETTER: usize = 88 * 1024;

/// Bytes of one template file.
const MOST_SOURCE: u64 = 1024 * 1024;

/// Bytes of one template that an owner wrote.
const MOST_OWN: usize = 96 * 1024;

/// Bytes of stack to take it apart: enough for whatever fits into one tag.
const STACK: usize = 64 * 1024 * 1024;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Embedded;

/// All templates and words, ready to render.
#[derive(Debug)]
pub struct Templates {
    env: Environment<'static>,
    words: Arc<Words>,
    assets: Arc<BTreeMap<String, Vec<u8>>>,
    /// What writes a letter that these can't write.
    shipped: Option<Arc<Self>>,
}

/// A letter's parts, complete but for what belongs to one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, no control characters.
    pub subject: String,
    /// A whole HTML document, its CSS inlined.
    pub html: String,
    /// The same in plain text, lines of about 72 characters.
    pub text: String,
}

/// Why templates can't be loaded, or one can't be rendered.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// All that is wrong in the files, each with its place.
    #[error("expected templates without faults, but got:\n{}", .0.join("\n"))]
    Load(Vec<Problem>),
    /// One template failed with the context it was given.
    #[error("expected `{name}` to render, but at {place}: {reason}")]
    Render {
        /// The template's name.
        name: String,
        /// File and line.
        place: String,
        /// What the engine says.
        reason: String,
    },
    /// A letter's styles couldn't be inlined.
    #[error("expected styles of `{name}` that can be inlined, but got: {reason}")]
    Styles {
        /// The template's name.
        name: String,
        /// What the inliner says.
        reason: String,
    },
}

impl Templates {
    /// Loads the embedded templates and those of the operator's directory over them. All faults
    /// of all files are told together.
    pub fn load(overrides: Option<&Path>) -> Result<Self, TemplateError> {
        let mut problems = Vec::new();
        let mut files: BTreeMap<String, Vec<u8>> = Embedded::iter()
            .filter_map(|name| {
                let file = Embedded::get(&name)?;
                Some((name.into_owned(), file.data.into_owned()))
            })
            .collect();
        let mut words = Words::default();
        add_words(&mut words, &files, &mut problems);
        if let Some(directory) = overrides {
            let own = files_below(directory, &mut problems);
            add_words(&mut words, &own, &mut problems);
            files.extend(own);
        }
        problems.extend(words.problems());

        let words = Arc::new(words);
        let mut env = engine::environment(Arc::clone(&words));
        let mut assets = BTreeMap::new();
        for (name, bytes) in files {
            if let Some(asset) = name.strip_prefix("assets/") {
                assets.insert(asset.to_owned(), bytes);
            } else if let Some((_, "")) = name.rsplit_once(".j2") {
                let wrong = add_template(&mut env, &words, &name, bytes);
                let told = wrong
                    .iter()
                    .map(|(place, reason)| format!("{place}: {reason}"));
                problems.extend(told);
            }
        }
        if problems.is_empty() {
            Ok(Self {
                env,
                words,
                assets: Arc::new(assets),
                shipped: None,
            })
        } else {
            Err(TemplateError::Load(problems))
        }
    }

    /// The same with these texts in place of the templates of these names. What is wrong with them
    /// is told; where one can't be read, what stood there stays. Fails only for want of memory.
    pub fn with(&self, own: Vec<(String, String)>) -> io::Result<(Self, Vec<TemplateError>)> {
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK);
            let taking = thread.spawn_scoped(scope, || self.taking(own))?;
            let taken = taking.join();
            taken.map_err(|_| io::Error::other("expected templates to be read, but got a panic"))
        })
    }

    fn taking(&self, own: Vec<(String, String)>) -> (Self, Vec<TemplateError>) {
        let mut env = self.env.clone();
        let mut failed = Vec::new();
        for (name, text) in own {
            let wrong = if text.len() > MOST_OWN {
                let got = text.len();
                let reason = format!("expected at most {MOST_OWN} bytes, but got {got}");
                vec![(name.clone(), reason)]
            } else if let Some((line, reason)) = engine::unbounded(&text) {
                vec![(format!("{name}:{line}"), reason)]
            } else {
                add_template(&mut env, &self.words, &name, text.into_bytes())
            };
            let told = wrong.into_iter().map(|(place, reason)| {
                let name = name.clone();
                TemplateError::Render {
                    name,
                    place,
                    reason,
                }
            });
            failed.extend(told);
        }
        let templates = Self {
            env,
            words: Arc::clone(&self.words),
            assets: Arc::clone(&self.assets),
            shipped: None,
        };
        (templates, failed)
    }

    /// The same, but a letter that they can't write is written by these.
    #[must_use]
    pub fn over(self, shipped: &Arc<Self>) -> Self {
        Self {
            shipped: Some(Arc::clone(shipped)),
            ..self
        }
    }

    /// A template's own text.
    pub fn source(&self, name: &str) -> Option<String> {
        let template = self.env.get_template(name).ok()?;
        Some(template.source().to_owned())
    }

    /// A whole page, as UTF-8 HTML.
    pub fn page<P: Page>(
        &self,
        page: &P,
        frame: &Frame<'_>,
        language: Language,
    ) -> Result<String, TemplateError> {
        let name = format!("pages/{}.html.j2", P::NAME);
        let context = context! {
            page => Value::from(Serde(page)),
            site => Value::from(Serde(frame.site)),
            frame => Value::from(Serde(frame)),
            languages => languages(),
            language => language.as_str(),
        };
        self.render(&name, context)
    }

    /// A letter with its CSS inlined. One too long for mail programs is shortened until it
    /// fits, if its kind knows how ([`Letter::shorten`]).
    pub fn letter<L: Letter>(
        &self,
        letter: &L,
        site: &Site,
        language: Language,
    ) -> Result<Rendered, TemplateError> {
        let (rendered, _) = self.fitting(letter, site, language)?;
        Ok(rendered)
    }

    /// The same for a letter that many share, whose reader is made of marks
    /// ([`edition`]); and, where a template doesn't print the reader as it is, so that putting
    /// words in place of marks would give another letter, what [`Templates::personal`] makes each
    /// of.
    pub fn shared<L: Letter>(
        &self,
        letter: &L,
        site: &Site,
        language: Language,
    ) -> Result<(Rendered, Option<String>), TemplateError> {
        let (rendered, letter) = self.fitting(letter, site, language)?;
        for probe in probes() {
            let about = (site, language, Some(&probe));
            if self.whole_letter(L::PURPOSE, said(&*letter), about)? != rendered.spliced(&probe) {
                let own = serde_json::to_string(&(&*letter, letter.groups()));
                let own = own.map_err(|problem| TemplateError::Render {
                    name: L::PURPOSE.to_owned(),
                    place: L::PURPOSE.to_owned(),
                    reason: problem.to_string(),
                })?;
                return Ok((rendered, Some(own)));
            }
        }
        Ok((rendered, None))
    }

    /// One reader's letter, of what [`Templates::shared`] gave.
    pub fn personal<L: Letter>(
        &self,
        own: &str,
        reader: &Reader,
        site: &Site,
        language: Language,
    ) -> anyhow::Result<Rendered> {
        let (letter, groups): (serde_json::Value, serde_json::Value) = serde_json::from_str(own)?;
        let said = (Value::from(Serde(letter)), Value::from(Serde(groups)));
        Ok(self.whole_letter(L::PURPOSE, said, (site, language, Some(reader)))?)
    }

    fn fitting<'a, L: Letter>(
        &self,
        letter: &'a L,
        site: &Site,
        language: Language,
    ) -> Result<(Rendered, Cow<'a, L>), TemplateError> {
        let mut letter = Cow::Borrowed(letter);
        while letter.is_long() && letter.to_mut().shorten() {}
        loop {
            let about = (site, language, letter.reader());
            let rendered = self.whole_letter(L::PURPOSE, said(&*letter), about)?;
            if rendered.html.len() <= MOST_LETTER || !letter.to_mut().shorten() {
                return Ok((rendered, letter));
            }
        }
    }

    fn whole_letter(
        &self,
        purpose: &str,
        said: (Value, Value),
        about: (&Site, Language, Option<&Reader>),
    ) -> Result<Rendered, TemplateError> {
        let written = self.own_letter(purpose, said.clone(), about);
        match (written, &self.shipped) {
            (Err(problem), Some(shipped)) => {
                let problem = problem.to_string();
                tracing::error!(purpose, problem, "template.failed");
                shipped.own_letter(purpose, said, about)
            }
            (written, _) => written,
        }
    }

    fn own_letter(
        &self,
        purpose: &str,
        (letter, groups): (Value, Value),
        (site, language, reader): (&Site, Language, Option<&Reader>),
    ) -> Result<Rendered, TemplateError> {
        let context = context! {
            letter => letter,
            groups => groups,
            site => Value::from(Serde(site)),
            reader => Value::from(Serde(reader)),
            language => language.as_str(),
        };
        let part = |file: &str| {
            let name = format!("letters/{purpose}/{file}.j2");
            self.render(&name, context.clone())
        };
        Ok(Rendered {
            subject: crate::article::clean::one_line(&part("subject.txt")?, 200),
            html: inline_styles(&part("body.html")?, purpose)?,
            text: tidy(&part("body.txt")?),
        })
    }

    /// One sentence of the catalogue, for edges that answer without a page. The error says
    /// which key or placeholder is missing.
    pub fn say(
        &self,
        language: Language,
        key: &str,
        count: Option<u64>,
        fill: &[(&str, String)],
    ) -> Result<String, String> {
        self.words.say(language, key, count, fill)
    }

    /// A static file of `templates/assets/`: `visnyk.css`, `favicon.svg`.
    pub fn asset(&self, name: &str) -> Option<&[u8]> {
        self.assets.get(name).map(Vec::as_slice)
    }

    fn render(&self, name: &str, context: Value) -> Result<String, TemplateError> {
        let failed = |error: minijinja::Error| TemplateError::Render {
            name: name.to_owned(),
            place: place(&error, name),
            reason: chain(&error),
        };
        let template = self.env.get_template(name).map_err(failed)?;
        let mut output = Capped(Vec::new());
        template
            .render_captured_to(context, &mut output)
            .map(drop)
            .map_err(failed)?;
        String::from_utf8(output.0).map_err(|error| TemplateError::Render {
            name: name.to_owned(),
            place: name.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// A letter as its template sees it, and its groups.
fn said<L: Letter>(letter: &L) -> (Value, Value) {
    (
        Value::from(Serde(letter)),
        Value::from(Serde(letter.groups())),
    )
}

impl Rendered {
    /// A letter with marks, as this reader gets it.
    fn spliced(&self, reader: &Reader) -> Self {
        let own = Own {
            leave: &reader.leave_url,
            preferences: &reader.preferences_url,
            address: &reader.address,
        };
        Self {
            subject: self.subject.clone(),
            html: edition::splice(&self.html, &own, Markup::Html),
            text: edition::splice(&self.text, &own, Markup::Text),
        }
    }
}

/// Readers that templates are tried on: one with all that an address may hold of what HTML has
/// for itself, and one who differs from them in everything.
fn probes() -> [Reader; 2] {
    [
        ("o'neil&sons+1", "example.org", 1),
        ("r", "mail.example", 22),
    ]
    .map(|(name, host, number)| Reader {
        leave_url: format!("https://{host}/leave/{number}"),
        preferences_url: format!("https://{host}/preferences/{number}"),
        address: format!("{name}@{host}"),
    })
}

/// Output that refuses to grow beyond [`MOST_OUTPUT`].
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_OUTPUT {
            return Err(io::Error::other(format!(
                "expected at most {MOST_OUTPUT} bytes, but got more"
            )));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn languages() -> Vec<Value> {
    Language::all()
        .into_iter()
        .map(|language| context! { code => language.as_str(), name => language.own_name() })
        .collect()
}

fn add_words(words: &mut Words, files: &BTreeMap<String, Vec<u8>>, problems: &mut Vec<Problem>) {
    for language in Language::all() {
        let name = format!("words/{language}.toml");
        if let Some(bytes) = files.get(&name) {
            let text = String::from_utf8_lossy(bytes);
            problems.extend(
                words
                    .add(language, &name, &text)
                    .err()
                    .into_iter()
                    .flatten(),
            );
        }
    }
}

/// Adds one template; its faults, if it has any: where, and what.
fn add_template(
    env: &mut Environment<'static>,
    words: &Words,
    name: &str,
    bytes: Vec<u8>,
) -> Vec<(String, String)> {
    let Ok(source) = String::from_utf8(bytes) else {
        let reason = "expected UTF-8, but got other bytes";
        return vec![(name.to_owned(), reason.to_owned())];
    };
    let mut problems: Vec<(String, String)> = engine::words_said(&source)
        .into_iter()
        .filter(|(_, key)| !words.knows(key))
        .map(|(line, key)| {
            let reason = format!("expected a key of the words, but got `{key}`");
            (format!("{name}:{line}"), reason)
        })
        .collect();
    if source.contains("autoescape") {
        let reason = "expected escaping left on, but got `autoescape`";
        problems.push((name.to_owned(), reason.to_owned()));
    }
    if let Err(error) = env.add_template_owned(name.to_owned(), source) {
        problems.push((place(&error, name), chain(&error)));
    }
    problems
}

fn place(error: &minijinja::Error, name: &str) -> String {
    let name = error.name().unwrap_or(name);
    error
        .line()
        .map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"))
}

/// The engine's reason, and the reason of that: a failed `extends` names the true fault below.
fn chain(error: &minijinja::Error) -> String {
    let mut text = error.detail().unwrap_or_default().to_owned();
    if text.is_empty() {
        text = error.kind().to_string();
    }
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text
}

/// Every file below the operator's directory, by its name relative to it. Hidden ones, and links
/// to folders, are passed over.
fn files_below(directory: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        if let Err(error) = read_folder(directory, &folder, &mut folders, &mut files) {
            problems.push(format!("{}: {error}", folder.display()));
        }
    }
    files
}

fn read_folder(
    top: &Path,
    folder: &Path,
    folders: &mut Vec<std::path::PathBuf>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let about = fs::metadata(&path)?;
        if hidden || path.is_symlink() && about.is_dir() {
            continue;
        }
        if about.is_dir() {
            folders.push(path);
        } else if about.len() > MOST_SOURCE {
            let reason = format!(
                "expected at most {MOST_SOURCE} bytes, but got {}",
                about.len()
            );
            return Err(io::Error::other(format!("{}: {reason}", path.display())));
        } else {
            let name = path.strip_prefix(top).unwrap_or(&path);
            files.insert(name.to_string_lossy().replace('\\', "/"), fs::read(&path)?);
        }
    }
    Ok(())
}

/// Moves the letter's `<style>` into `style=` attributes, which every mail program keeps. One
/// marked `data-css-inline="keep"` stays for those that read `@media`; it stands apart because the
/// inliner's own way of keeping such rules puts them before the charset.
fn inline_styles(html: &str, name: &str) -> Result<String, TemplateError> {
    css_inline::CSSInliner::options()
        .keep_style_tags(false)
        .minify_css(true)
        .load_remote_stylesheets(false)
        .build()
        .inline(html)
        .map_err(|error| TemplateError::Styles {
            name: name.to_owned(),
            reason: error.to_string(),
        })
}

/// Plain text without trailing blanks, with at most one empty line at a time.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty_before = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && empty_before) {
            tidied.push_str(line);
            tidied.push('\n');
        }
        empty_before = line.is_empty();
    }
    tidied.truncate(tidied.trim_end().len());
    tidied.push('\n');
    tidied
}
