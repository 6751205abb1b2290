//! Documents asked for in, snapshots out: each written once a change, whoever and however many ask.
//!
//! A counter in the database grows with every change to any article, on whichever process it is
//! made. It is looked at twenty times a second at most, so a poll costs no SQL, and after every
//! request that may have changed something here. A snapshot older than the counter is written anew
//! by the first who asks; the others wait for that one.
//!
//! Nearly all requests are for the same few feeds, by the one spelling of their addresses. Those
//! that were answered once and whose headers are settled are found by the address as it came.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::Weak;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwapOption;
use axum::extract::MatchedPath;
use chrono::TimeDelta;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::clock::Stamp;
use crate::feed::document::Document;
use crate::feed::document::Material;
use crate::feed::snapshot::Snapshot;
use crate::store;
use crate::web::feeds::ready::Ready;

/// How long a look at the counter holds: less than a person or a script takes from a change on
/// another process to the next poll.
const LOOK: TimeDelta = TimeDelta::milliseconds(50);
/// Before every look.
const NEVER: i64 = i64::MIN;
/// The most documents kept.
const MOST_DOCUMENTS: usize = 4_000;
/// The most bytes kept.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// Writers at a time: after a publish every feed is asked for, and the rest of the program needs
/// the processors.
const WRITERS: usize = 2;

/// Every document that was asked for lately.
#[derive(Debug)]
pub(super) struct FeedCache {
    shelf: Mutex<HashMap<Document, Arc<Slot>>>,
    /// Feeds by path and query.
    at_hand: RwLock<HashMap<String, AtHand>>,
    look: Look,
    writers: Semaphore,
}

/// Where one document stands.
#[derive(Debug, Default)]
struct Slot {
    held: ArcSwapOption<Held>,
    /// Taken by whoever writes it.
    turn: tokio::sync::Mutex<()>,
    asked_at: AtomicI64,
}

/// A snapshot, and the counter's value that it was written at.
#[derive(Debug)]
pub(super) struct Held {
    version: i64,
    pub(super) snapshot: Arc<Snapshot>,
    /// How it's answered, once that can't change any more.
    pub(super) ready: OnceLock<Ready>,
}

/// Where a feed stands, and the route that leads there, for the log.
#[derive(Debug)]
struct AtHand {
    route: MatchedPath,
    slot: Weak<Slot>,
}

/// The counter as it was last seen.
#[derive(Debug)]
struct Look {
    version: AtomicI64,
    at: AtomicI64,
    turn: tokio::sync::Mutex<()>,
}

impl Default for FeedCache {
    /// Holds nothing yet.
    fn default() -> Self {
        Self {
            shelf: Mutex::default(),
            at_hand: RwLock::default(),
            look: Look {
                version: AtomicI64::new(0),
                at: AtomicI64::new(NEVER),
                turn: tokio::sync::Mutex::default(),
            },
            writers: Semaphore::new(WRITERS),
        }
    }
}

impl FeedCache {
    /// Something may have changed here: whoever asks next looks.
    pub(super) fn look_anew(&self) {
        self.look.at.store(NEVER, Ordering::Release);
    }

    /// The document as it is now; `None` if there is none such.
    pub(super) async fn get(
        &self,
        app: &App,
        document: &Document,
    ) -> anyhow::Result<Option<Arc<Held>>> {
        let version = self.look.version(app).await?;
        let slot = self.slot(document, app.now());
        if let Some(held) = slot.held(version) {
            return Ok(Some(held));
        }
        let _turn = slot.turn.lock().await;
        if let Some(held) = slot.held(version) {
            return Ok(Some(held));
        }
        let _permit = self.writers.acquire().await?;
        let Some(material) = document.read(app).await? else {
            self.shelf().remove(document);
            return Ok(None);
        };
        slot.write(app, material).await.map(Some)
    }

    /// The feed that was asked for by this very address before, if nothing has to be looked up or
    /// written for it now.
    pub(super) fn at_hand(&self, address: &str, now: Stamp) -> Option<(Arc<Held>, MatchedPath)> {
        let version = self.look.recent(now)?;
        let at_hand = self.at_hand.read().unwrap_or_else(PoisonError::into_inner);
        let found = at_hand.get(address)?;
        let slot = found.slot.upgrade()?;
        let route = found.route.clone();
        drop(at_hand);
        slot.asked_at.store(now.0, Ordering::Relaxed);
        Some((slot.held(version)?, route))
    }

    /// Has the document found by its address.
    pub(super) fn keep_at_hand(&self, address: &str, document: &Document, route: &MatchedPath) {
        let slot = self.shelf().get(document).map(Arc::downgrade);
        let Some(slot) = slot else { return };
        let mut at_hand = self.at_hand.write().unwrap_or_else(PoisonError::into_inner);
        if at_hand.len() >= MOST_DOCUMENTS {
            at_hand.retain(|_, one| one.slot.strong_count() > 0);
        }
        let route = route.clone();
        at_hand.insert(address.to_owned(), AtHand { route, slot });
    }

    fn slot(&self, document: &Document, now: Stamp) -> Arc<Slot> {
        let mut documents = self.shelf();
        if !documents.contains_key(document) {
            make_room(&mut documents);
        }
        let slot = Arc::clone(documents.entry(document.clone()).or_default());
        drop(documents);
        slot.asked_at.store(now.0, Ordering::Relaxed);
        slot
    }

    /// A thread that died holding it left a map that is whole: nothing is awaited or computed
    /// meanwhile.
    fn shelf(&self) -> std::sync::MutexGuard<'_, HashMap<Document, Arc<Slot>>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_same(one: &Snapshot, other: &Snapshot) -> bool {
    let bytes = |snapshot: &Snapshot| snapshot.choose(None).bytes.clone();
    bytes(one) == bytes(other)
}

/// Takes away the half that nobody asked for the longest, once the shelf is full.
fn make_room(shelf: &mut HashMap<Document, Arc<Slot>>) {
    let bytes: usize = shelf.values().map(|slot| slot.bytes()).sum();
    if shelf.len() < MOST_DOCUMENTS && bytes < MOST_BYTES {
        return;
    }
    let mut by_age: Vec<(i64, Document)> = shelf
        .iter()
        .map(|(document, slot)| (slot.asked_at.load(Ordering::Relaxed), document.clone()))
        .collect();
    by_age.sort_unstable_by_key(|(asked_at, _)| *asked_at);
    let half = by_age.len().div_ceil(2);
    for (_, document) in by_age.into_iter().take(half) {
        shelf.remove(&document);
    }
}

impl Slot {
    /// What it holds, unless that is older than `version`.
    fn held(&self, version: i64) -> Option<Arc<Held>> {
        let held = self.held.load();
        held.as_ref()
            .filter(|held| held.version >= version)
            .cloned()
    }

    /// Writes the snapshot that comes after the one held.
    async fn write(&self, app: &App, material: Material) -> anyhow::Result<Arc<Held>> {
        let version = material.version;
        let writer = app.clone();
        let previous = self.held.load_full();
        let before = previous.as_ref().map(|held| Arc::clone(&held.snapshot));
        let write = move || material.write(&writer, before.as_deref());
        let snapshot = app.tasks.spawn_blocking(write).await??;
        let snapshot = Arc::new(match previous {
            Some(previous) if !is_same(&snapshot, &previous.snapshot) => {
                snapshot.after(&previous.snapshot)
            }
            // The same again may have been something else in between, which another process showed:
            // the date has to be the new one.
            Some(previous) => snapshot.called_like(&previous.snapshot),
            None => snapshot,
        });
        let held = Arc::new(Held {
            version,
            snapshot,
            ready: OnceLock::new(),
        });
        self.held.store(Some(Arc::clone(&held)));
        Ok(held)
    }

    fn bytes(&self) -> usize {
        let held = self.held.load();
        let snapshot = held.as_ref().map(|held| &held.snapshot);
        snapshot.map_or(0, |snapshot| {
            let representations = snapshot.representations();
            representations.map(|one| one.bytes.len()).sum()
        })
    }
}

impl Look {
    /// The counter, as it is or was a moment ago.
    async fn version(&self, app: &App) -> store::Result<i64> {
        if let Some(version) = self.recent(app.now()) {
            return Ok(version);
        }
        let _turn = self.turn.lock().await;
        let now = app.now();
        if let Some(version) = self.recent(now) {
            return Ok(version);
        }
        let mut tx = app.db.read().await?;
        let version = store::counter::feeds_version(&mut tx).await?;
        self.version.store(version, Ordering::Release);
        self.at.store(now.0, Ordering::Release);
        Ok(version)
    }

    fn recent(&self, now: Stamp) -> Option<i64> {
        let age = now - Stamp(self.at.load(Ordering::Acquire));
        // A clock that stands still or was set back must not make the look last.
        let is_recent = (TimeDelta::milliseconds(1)..LOOK).contains(&age);
        is_recent.then(|| self.version.load(Ordering::Acquire))
    }
}
