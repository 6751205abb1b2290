//! `user`: people who look after lists.

use std::process::ExitCode;

use clap::Subcommand;

use crate::access;
use crate::access::Role;
use crate::access::reach;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::list::ListId;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::store;
use crate::store::Tx;
use crate::store::audit::Change;
use crate::web::admin;

/// People who look after lists.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add somebody, and print the link they sign in with once.
    Add {
        /// Their address.
        email: EmailAddress,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Role,
        /// The lists that an editor is to look after alone, with commas; all if none are named.
        #[arg(long, value_delimiter = ',', value_name = "SLUGS")]
        lists: Vec<String>,
    },
    /// Everybody.
    List,
    /// Have an editor look after some lists alone.
    Bind {
        /// Their address.
        email: EmailAddress,
        /// The lists, with commas.
        #[arg(long, value_delimiter = ',', required = true, value_name = "SLUGS")]
        lists: Vec<String>,
    },
    /// Have an editor look after all lists, also those to come.
    Unbind {
        /// Their address.
        email: EmailAddress,
    },
    /// Let somebody sign in no more.
    Disable {
        /// Their address.
        email: EmailAddress,
    },
    /// Print a new link to sign in with once, for somebody who lost their password.
    Reset {
        /// Their address.
        email: EmailAddress,
        /// Ask them for no code any more: their phone is lost, and their recovery codes too.
        #[arg(long)]
        second_factor: bool,
        /// No account at the provider is theirs until they sign in by one again: the old one is lost.
        #[arg(long)]
        provider: bool,
    },
}

impl User {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let app = common.open().await?;
        match self {
            Self::Add { email, role, lists } => add(common, &app, (&email, role), &lists).await?,
            Self::Bind { email, lists } => bind(common, &app, &email, Some(&lists)).await?,
            Self::Unbind { email } => bind(common, &app, &email, None).await?,
            Self::List => list(common, &app).await?,
            Self::Disable { email } => disable(common, &app, &email).await?,
            Self::Reset {
                email,
                second_factor,
                provider,
            } => reset(common, &app, &email, (second_factor, provider)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(
    common: &Common,
    app: &App,
    (email, role): (&EmailAddress, Role),
    lists: &[String],
) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    if !lists.is_empty() && role != Role::Editor {
        return Err(only_editors(role));
    }
    let lists = ids(&mut tx, lists).await?;
    let id = store::user::add(&mut tx, email, role, app.now()).await?;
    let id = id.ok_or_else(|| {
        let words =
            format!("{email} is a user already; `visnyk user reset {email}` makes a new link");
        Failure::new(Exit::Data, words)
    })?;
    if !lists.is_empty() {
        store::user::bind(&mut tx, id, Some(&lists)).await?;
    }
    let user = find(&mut tx, email).await?;
    let slugs = store::user::lists(&mut tx, &user).await?;
    let became = reach::added(&user, slugs.as_deref()).to_string();
    note(app, &mut tx, ("user.add", id), (String::new(), became)).await?;
    tx.commit().await?;
    give_link(common, &admin::sign_in_link(app, id).await?);
    Ok(())
}

fn only_editors(role: Role) -> Failure {
    let words = format!(
        "expected lists for an editor alone, but got them for role `{}`",
        role.as_str()
    );
    Failure::new(Exit::Usage, words)
}

/// The numbers of the lists with these slugs.
async fn ids(tx: &mut Tx, slugs: &[String]) -> Result<Vec<ListId>, Failure> {
    let mut ids = Vec::new();
    for slug in slugs {
        let found = store::list::find(tx, slug.trim()).await?;
        let list = found.ok_or_else(|| Failure::missing("list", slug, "list list"))?;
        ids.push(list.id);
    }
    Ok(ids)
}

async fn bind(
    common: &Common,
    app: &App,
    email: &EmailAddress,
    lists: Option<&[String]>,
) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    let user = find(&mut tx, email).await?;
    if user.role != Role::Editor {
        return Err(only_editors(user.role));
    }
    let was = store::user::lists(&mut tx, &user).await?;
    let ids = match lists {
        Some(slugs) => Some(ids(&mut tx, slugs).await?),
        None => None,
    };
    store::user::bind(&mut tx, user.id, ids.as_deref()).await?;
    let user = find(&mut tx, email).await?;
    let became = store::user::lists(&mut tx, &user).await?;
    if was != became {
        let action = if became.is_some() {
            "user.bind"
        } else {
            "user.unbind"
        };
        let said = |slugs: Option<&[String]>| {
            serde_json::json!({ "lists": reach::said(slugs) }).to_string()
        };
        let change = (said(was.as_deref()), said(became.as_deref()));
        note(app, &mut tx, (action, user.id), change).await?;
    }
    tx.commit().await?;
    let shown = serde_json::json!({ "lists": reach::said(became.as_deref()) });
    common.out().give(&shown, |_| match &became {
        Some(slugs) => format!("{email} looks after {}", slugs.join(", ")),
        None => format!("{email} looks after all lists"),
    });
    Ok(())
}

async fn list(common: &Common, app: &App) -> Result<(), Failure> {
    let mut tx = app.db.read().await?;
    let (mut shown, mut rows) = (Vec::new(), Vec::new());
    for (user, active) in store::user::all(&mut tx).await? {
        let lists = store::user::lists(&mut tx, &user).await?;
        let bound = store::identity::of_user(&mut tx, user.id).await?;
        let bound: Vec<String> = bound.into_iter().map(|bound| bound.issuer).collect();
        shown.push(serde_json::json!({
            "email": user.email.as_str(),
            "role": user.role,
            "active": active,
            "second_factor": user.has_totp,
            "providers": bound,
            "lists": reach::said(lists.as_deref()),
        }));
        let state = if active { "active" } else { "disabled" };
        rows.push(vec![
            user.email.to_string(),
            user.role.as_str().to_owned(),
            lists.map_or("all".to_owned(), |slugs| slugs.join(", ")),
            state.to_owned(),
        ]);
    }
    let none = "there are no users yet: visnyk user add EMAIL --role owner";
    common.out().give(&shown, |_| {
        out::table(&["email", "role", "lists", "state"], &rows, none)
    });
    Ok(())
}

async fn disable(common: &Common, app: &App, email: &EmailAddress) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    let user = find(&mut tx, email).await?;
    store::user::disable(&mut tx, email).await?;
    note(app, &mut tx, ("user.disable", user.id), Default::default()).await?;
    tx.commit().await?;
    let shown = serde_json::json!({ "disabled": true });
    common
        .out()
        .give(&shown, |_| format!("{email} can't sign in any more"));
    Ok(())
}

async fn reset(
    common: &Common,
    app: &App,
    email: &EmailAddress,
    (second_factor, provider): (bool, bool),
) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    let user = find(&mut tx, email).await?;
    if second_factor {
        store::user::clear_totp(&mut tx, user.id).await?;
    }
    if provider {
        store::identity::unbind(&mut tx, user.id).await?;
    }
    let became =
        serde_json::json!({ "second_factor_off": second_factor, "provider_off": provider });
    let change = (String::new(), became.to_string());
    note(app, &mut tx, ("user.reset", user.id), change).await?;
    tx.commit().await?;
    give_link(common, &admin::sign_in_link(app, user.id).await?);
    Ok(())
}

async fn find(tx: &mut Tx, email: &EmailAddress) -> Result<access::User, Failure> {
    let found = store::user::find(tx, email).await?;
    let (user, _) = found.ok_or_else(|| Failure::missing("user", email, "user list"))?;
    Ok(user)
}

async fn note(
    app: &App,
    tx: &mut Tx,
    (action, id): (&'static str, i64),
    (was, became): (String, String),
) -> store::Result<()> {
    let change = Change {
        was,
        ..Change::at_command_line(action, format!("user {id}"), became)
    };
    store::audit::record(tx, &change, app.now()).await
}

fn give_link(common: &Common, link: &str) {
    let shown = serde_json::json!({ "sign_in": link });
    common.out().give(&shown, |_| {
        format!("sign in with this link, once, within 24 hours:\n{link}")
    });
}
