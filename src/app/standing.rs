//! What follows from settings that may change while we run: owners choose some of them in the console.
//!
//! A clone of the [`App`] keeps what was in force when it was taken, so that a page or a letter is
//! written by one set of settings; [`App::current`] takes one anew. Another process hears of a choice
//! when it next [looks](App::renew).

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::PoisonError;

use anyhow::Context;
use url::Url;

use crate::app::App;
use crate::clock::Stamp;
use crate::config::Chosen;
use crate::config::DkimKey;
use crate::config::Settings;
use crate::letter::dkim::Signer;
use crate::store;
use crate::store::Tx;
use crate::store::counter;
use crate::store::installation;
use crate::store::installation::Installation;
use crate::templates::cards::Licence;
use crate::templates::cards::Site;
use crate::templates::contact::Contact;

/// What an address without a host name of its own, such as an IP address, is identified by.
const NAMELESS: &str = "localhost";

/// What stands before the domain in the name of a choice to sign its letters.
const SIGNED: &str = "dkim ";

/// Settings with what owners chose, and what follows from them.
#[derive(Clone)]
pub(super) struct Standing {
    /// Names and values, as the database has them.
    pub(super) chosen: Arc<Vec<(String, String)>>,
    pub(super) settings: Arc<Settings>,
    pub(super) site: Arc<Site>,
    pub(super) signers: Arc<[Signer]>,
    pub(super) look_since: Stamp,
}

impl App {
    /// The same, by the settings that are in force now.
    #[must_use]
    pub fn current(&self) -> Self {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        let standing = changed.clone();
        drop(changed);
        match standing {
            None => self.clone(),
            Some(standing) => Self {
                settings: standing.settings,
                site: standing.site,
                signers: standing.signers,
                look_since: standing.look_since,
                chosen: standing.chosen,
                ..self.clone()
            },
        }
    }

    /// Becomes [`App::current`], if that is another: for whoever asks too often to clone each time.
    pub fn follow(&mut self) {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        let standing = changed.as_ref();
        let is_same =
            standing.is_none_or(|standing| Arc::ptr_eq(&standing.settings, &self.settings));
        drop(changed);
        if !is_same {
            *self = self.current();
        }
    }

    /// Puts in force what owners chose since, here or through another process.
    pub async fn renew(&self) -> store::Result<()> {
        let chosen = installation::chosen(&mut self.db.read().await?).await?;
        let before = self.current();
        if *before.chosen == chosen {
            return Ok(());
        }
        let mut settings = (*before.settings).clone();
        apply(&mut settings, &chosen);
        let signers = match signers(&settings, &chosen) {
            Ok(signers) => signers.into(),
            Err(problem) => {
                tracing::error!(problem = format!("{problem:#}"), "dkim.keys_kept");
                Arc::clone(&before.signers)
            }
        };
        let mut tx = self.db.begin().await?;
        let installation = installed(&mut tx, &settings, self.now()).await?;
        // Feeds that were written by the settings before are out of date.
        counter::touch_feeds(&mut tx).await?;
        tx.commit().await?;
        let standing = Standing {
            chosen: Arc::new(chosen),
            site: Arc::new(site(&settings)),
            settings: Arc::new(settings),
            signers,
            look_since: installation.look_since,
        };
        *self.changed.write().unwrap_or_else(PoisonError::into_inner) = Some(standing);
        Ok(())
    }
}

/// The name under which it's kept that letters of a domain are signed by a key of ours.
pub(crate) fn signed(domain: &str) -> String {
    format!("{SIGNED}{domain}")
}

/// Puts what owners chose over defaults. What can't be understood is told and left out.
pub(super) fn apply(settings: &mut Settings, chosen: &[(String, String)]) {
    let known = chosen
        .iter()
        .filter_map(|(name, value)| Some((name.parse().ok()?, value.clone())));
    for (choice, problem) in settings.choose(&known.collect::<Chosen>()) {
        tracing::warn!(key = choice.key(), %problem, "setting.left_out");
    }
}

/// Notes by which settings documents look as they do.
pub(super) async fn installed(
    tx: &mut Tx,
    settings: &Settings,
    now: Stamp,
) -> store::Result<Installation> {
    let host = Url::parse(&settings.base_url).ok();
    let authority = host.as_ref().and_then(Url::domain).unwrap_or(NAMELESS);
    let look = format!(
        "{} {} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        settings.base_url,
        settings.site,
        settings.feed
    );
    installation::set_up(tx, authority, &look, now).await
}

/// The operator's keys, and those that were made in the console for domains that the operator names no
/// key of.
pub(super) fn signers(
    settings: &Settings,
    chosen: &[(String, String)],
) -> anyhow::Result<Vec<Signer>> {
    let keys = &settings.mail.dkim;
    let read: anyhow::Result<Vec<Signer>> = keys.iter().map(signer).collect();
    let mut signers = read?;
    for (name, selector) in chosen {
        let Some(domain) = name.strip_prefix(SIGNED) else {
            continue;
        };
        if keys.iter().any(|key| key.domain == domain) {
            continue;
        }
        // Another machine of the same installation may have it.
        match signer(&DkimKey::within(&settings.data, domain, selector)) {
            Ok(signer) => signers.push(signer),
            Err(problem) => tracing::error!(problem = format!("{problem:#}"), "dkim.key_missing"),
        }
    }
    Ok(signers)
}

/// A key, read.
pub(crate) fn signer(key: &DkimKey) -> anyhow::Result<Signer> {
    let pem = read_key(&key.key_file)?;
    Signer::new(&key.domain, &key.selector, &pem)
        .with_context(|| format!("key `{}`", key.key_file.display()))
}

fn read_key(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("the key `{}` can't be read", path.display()))
}

/// The newsroom, as pages and letters name it.
pub(super) fn site(settings: &Settings) -> Site {
    let site = &settings.site;
    Site {
        name: site.name.clone(),
        description: site.description.clone(),
        url: settings.base_url.clone(),
        licence: site.licence.as_deref().map(Licence::of_url),
        address: site.address.clone(),
        contacts: contacts(settings),
    }
}

/// The hotline first. Where nobody said how the newsroom can be reached, it's by answering its
/// letters.
fn contacts(settings: &Settings) -> Vec<Contact> {
    let hotline = settings.site.hotline.as_deref().map(Contact::hotline);
    let others = if let Some(contacts) = &settings.site.contacts {
        contacts
            .iter()
            .map(|contact| Contact::new(contact.name.as_deref(), &contact.text))
            .collect()
    } else {
        let mail = &settings.mail;
        let mailbox = mail.reply_to.as_ref().unwrap_or(&mail.from);
        vec![Contact::new(None, &mailbox.address)]
    };
    hotline.into_iter().chain(others).collect()
}
