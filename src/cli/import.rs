//! `subscriber import`: people out of a table, with what couldn't be taken told line by line.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use crate::app::App;
use crate::audience::import::ImportError;
use crate::audience::import::Imported;
use crate::audience::import::Step;
use crate::audience::import::Terms;
use crate::audience::import::columns::BadField;
use crate::audience::import::columns::Field;
use crate::audience::import::import;
use crate::audience::import::line::Why;
use crate::audience::import::sheet::rejected_head;
use crate::audience::import::sheet::rejected_row;
use crate::audience::list::List;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::list;
use crate::store;
use crate::store::audit::Change;

/// What `--map` says.
pub(super) fn renamed(map: &[String]) -> Result<Vec<(Field, String)>, Failure> {
    let pair = |pair: &String| {
        let (ours, theirs) = pair
            .split_once('=')
            .ok_or_else(|| format!("expected --map like `email=address`, but got `{pair}`"))?;
        let field: Field = ours
            .trim()
            .to_lowercase()
            .parse()
            .map_err(|problem: BadField| format!("--map {pair}: {problem}"))?;
        Ok((field, theirs.trim().to_owned()))
    };
    let pairs: Result<_, String> = map.iter().map(pair).collect();
    pairs.map_err(|words| Failure::new(Exit::Usage, words))
}

pub(super) async fn import_file(
    common: &Common,
    list: &str,
    (path, rejected): (&Path, Option<&Path>),
    terms: &Terms,
) -> Result<ExitCode, Failure> {
    let app = common.open().await?;
    let list = list::find(&app, list).await?;
    let file = File::open(path).map_err(|problem| {
        Failure::new(Exit::NoInput, format!("`{}`: {problem}", path.display()))
    })?;
    let mut rejected = rejected.map(Rejected::create).transpose()?;
    let bar = ProgressBar::new(file.metadata().map(|about| about.len()).unwrap_or_default());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}% {eta}") {
        bar.set_style(style);
    }
    let imported = import(&app, &list, file, terms, |step| match step {
        Step::At(byte) => bar.set_position(byte),
        Step::Rejected {
            head,
            line,
            why,
            cells,
        } => {
            if let Some(file) = &mut rejected {
                file.take(head, (line, why), cells);
            }
        }
    })
    .await;
    bar.finish_and_clear();
    let imported = imported.map_err(|problem| match problem {
        ImportError::Store(problem) => problem.into(),
        other => Failure::new(Exit::Data, other.to_string()),
    })?;
    if !terms.dry_run {
        record(&app, &list, terms, &imported).await?;
    }
    common.out().give(&imported, in_words);
    rejected.map(Rejected::close).transpose()?;
    Ok(if imported.bad > 0 {
        Exit::Data.code()
    } else {
        ExitCode::SUCCESS
    })
}

/// Keeps the words of the consent that was claimed: each reader's own record has their fingerprint.
async fn record(app: &App, list: &List, terms: &Terms, imported: &Imported) -> Result<(), Failure> {
    let became = serde_json::json!({
        "file": terms.file, "consent": terms.consent, "added": imported.added,
        "suppressed": imported.suppressed, "left_out": imported.left_out, "bad": imported.bad,
    });
    let subject = format!("list {}", list.slug);
    let change = Change::at_command_line("subscriber.import", subject, became.to_string());
    store::audit::record_after(&app.db, &change, app.now()).await?;
    Ok(())
}

/// The file of lines that weren't taken.
struct Rejected {
    file: BufWriter<File>,
    path: PathBuf,
    any: bool,
    problem: Option<std::io::Error>,
}

impl Rejected {
    fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|problem| cant_create(path, &problem))?;
        Ok(Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            any: false,
            problem: None,
        })
    }

    fn take(&mut self, head: &[String], (line, why): (u64, &Why), cells: &[String]) {
        let mut bytes = Vec::new();
        if !self.any {
            bytes = rejected_head(head);
            self.any = true;
        }
        bytes.extend(rejected_row(line, &why.to_string(), cells));
        if let Err(problem) = self.file.write_all(&bytes) {
            self.problem.get_or_insert(problem);
        }
    }

    fn close(mut self) -> Result<(), Failure> {
        let flushed = self.file.flush();
        self.problem
            .map_or(flushed, Err)
            .map_err(|problem| cant_create(&self.path, &problem))
    }
}

fn cant_create(path: &Path, problem: &std::io::Error) -> Failure {
    let words = format!("`{}` can't be written: {problem}", path.display());
    Failure::new(Exit::CantCreate, words)
}

fn in_words(imported: &Imported) -> String {
    let (added, suppressed) = if imported.dry_run {
        ("would be added", "would be suppressed")
    } else {
        ("added", "suppressed")
    };
    let counts = format!(
        "{} {added}, {} had the list already, left it or must not be written to, {} {suppressed}, \
         {} left out, {} lines can't be used",
        imported.added, imported.known, imported.suppressed, imported.left_out, imported.bad
    );
    let lines = imported.problems.iter().chain(&imported.left_out_lines);
    std::iter::once(counts)
        .chain(lines.map(|line| format!("\n{line}")))
        .collect()
}
