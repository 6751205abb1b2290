//! The ways out, and which letter goes by which: one queue a relay, two lanes a queue.
//!
//! Digests are shared out by weight among the relays that take letters and have room; letters that
//! somebody waits for go to the first that does. A courier takes those first, and one connection of
//! four or more takes nothing else, so that they go at once however many digests are under way.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::app::App;
use crate::config;
use crate::delivery::courier::Job;
use crate::delivery::courier::LEASE;
use crate::delivery::courier::Written;
use crate::delivery::mailer::Mailer;
use crate::delivery::throttle::Throttle;
use crate::delivery::throttle::WarmUp;
use crate::store;

/// Letters that wait in a queue, for each connection; and at least, for each lease is a commit.
const WAITING_A_CONNECTION: usize = 8;
const WAITING: usize = 64;
/// From so many connections on, one is kept for letters that somebody waits for.
const ENOUGH: usize = 4;

/// What a courier may take.
pub(super) enum Task {
    /// A letter that is leased.
    Job(Job),
    /// A letter past the gate that another relay wouldn't hear of.
    Passed(Written),
}

#[derive(Default)]
struct Queue {
    /// Past the gate, or waited for by somebody.
    urgent: VecDeque<Task>,
    bulk: VecDeque<Job>,
}

impl Queue {
    /// The first of so many digests whose bytes nobody made yet, and how many are left.
    fn take_unwritten(&mut self, among: usize) -> Option<(Job, usize)> {
        let mut next = self.bulk.iter().take(among);
        let unwritten = next.position(|job| job.composed.is_none())?;
        let job = self.bulk.remove(unwritten)?;
        Some((job, self.bulk.len()))
    }
}

/// One relay with its queue.
pub(super) struct Way {
    /// How letters leave.
    pub(super) mailer: Mailer,
    /// Its name in the ledger, if its letters are counted.
    pub(super) counted: Option<String>,
    connections: usize,
    /// Letters that it takes a second at most, where the settings say.
    rate: Option<u32>,
    weight: usize,
    throttle: Mutex<Throttle>,
    queue: Mutex<Queue>,
}

/// Every way out.
pub(super) struct Ways {
    list: Vec<Way>,
    /// What each is owed of the letters shared out so far: the one owed most has the next.
    owed: Mutex<Vec<i64>>,
    /// Letters that were leased and have no outcome yet.
    in_hand: AtomicUsize,
    closed: AtomicBool,
    skew: AtomicI64,
    /// Rings when there is something to take, or nothing more to come.
    bell: Notify,
    /// Rings when there is room for more.
    pub(super) room: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ways {
    /// The ways out that the settings name.
    pub(super) async fn open(app: &App) -> store::Result<Arc<Self>> {
        let mut ways = Vec::with_capacity(app.mailers.len());
        for (place, mailer) in app.mailers.iter().enumerate() {
            let relays = &app.settings.mail.relays;
            let default = config::Relay::to_outbox(&app.settings.data);
            let relay = relays.get(place).unwrap_or(&default);
            ways.push(Way::open(app, mailer, relay).await?);
        }
        Ok(Arc::new(Self {
            owed: Mutex::new(vec![0; ways.len()]),
            list: ways,
            in_hand: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            skew: AtomicI64::new(0),
            bell: Notify::new(),
            room: Notify::new(),
        }))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Way)> {
        self.list.iter().enumerate()
    }

    pub(super) fn way(&self, place: usize) -> Option<&Way> {
        self.list.get(place)
    }

    /// How many digests there is room for on relays that take them, when they're shared out by
    /// weight. A queue that is more than half full has none.
    pub(super) fn room(&self, day: i64) -> usize {
        let now = Instant::now();
        let open = self.list.iter().filter(|way| way.is_open(true, now, day));
        let roomy: Vec<(usize, &Way)> = open
            .map(|way| (way.room(), way))
            .filter(|(room, _)| *room > 0)
            .collect();
        let whole: usize = roomy.iter().map(|(_, way)| way.weight).sum();
        let fits = roomy.iter().map(|(room, way)| room * whole / way.weight);
        fits.min().unwrap_or(0)
    }

    /// Whether some relay takes letters.
    pub(super) fn is_open(&self, is_bulk: bool, day: i64) -> bool {
        let now = Instant::now();
        self.list.iter().any(|way| way.is_open(is_bulk, now, day))
    }

    /// Shares jobs out.
    pub(super) fn share_out(&self, jobs: Vec<Job>, day: i64) {
        self.in_hand.fetch_add(jobs.len(), Ordering::AcqRel);
        for job in jobs {
            let is_bulk = job.is_bulk();
            let place = self.choose(is_bulk, day);
            if let Some(way) = self.list.get(place) {
                let mut queue = lock(&way.queue);
                if is_bulk {
                    queue.bulk.push_back(job);
                } else {
                    queue.urgent.push_back(Task::Job(job));
                }
            }
        }
        self.bell.notify_waiters();
    }

    #[expect(
        clippy::significant_drop_tightening,
        reason = "who is owed what is settled in one go"
    )]
    fn choose(&self, is_bulk: bool, day: i64) -> usize {
        let now = Instant::now();
        let open = |way: &Way| way.is_open(is_bulk, now, day);
        if !is_bulk || self.list.len() == 1 {
            return self.list.iter().position(open).unwrap_or(0);
        }
        let mut owed = lock(&self.owed);
        let fit = |way: &Way| open(way) && way.has_place();
        let able: Vec<usize> = self
            .all()
            .filter(|(_, way)| fit(way))
            .map(|(place, _)| place)
            .collect();
        let mut whole = 0;
        for place in &able {
            if let (Some(owed), Some(way)) = (owed.get_mut(*place), self.list.get(*place)) {
                let weight = i64::try_from(way.weight).unwrap_or(1);
                *owed += weight;
                whole += weight;
            }
        }
        let chosen = able
            .into_iter()
            .max_by_key(|place| (owed.get(*place).copied(), usize::MAX - place));
        let chosen = chosen.unwrap_or(0);
        if let Some(owed) = owed.get_mut(chosen) {
            *owed -= whole;
        }
        chosen
    }

    /// Gives a task to another relay than those `tried`, a bit each. Gives it back if there is none
    /// that takes it.
    pub(super) fn pass_on(&self, task: Task, tried: u64, day: i64) -> Option<Task> {
        let now = Instant::now();
        let is_bulk = matches!(&task, Task::Job(job) if job.is_bulk());
        let other = self
            .all()
            .find(|(place, way)| tried & bit(*place) == 0 && way.is_open(is_bulk, now, day));
        let Some((_, way)) = other else {
            return Some(task);
        };
        lock(&way.queue).urgent.push_back(task);
        self.bell.notify_waiters();
        None
    }

    /// So many letters have come to rest.
    pub(super) fn finish(&self, letters: usize) {
        if self.in_hand.fetch_sub(letters, Ordering::AcqRel) == letters && self.is_closed() {
            self.bell.notify_waiters();
        }
    }

    /// How far the clock that leases go by is ahead of ours.
    pub(super) fn skew(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.skew.load(Ordering::Acquire))
    }

    pub(super) fn set_skew(&self, skew: TimeDelta) {
        self.skew.store(skew.num_milliseconds(), Ordering::Release);
    }

    /// No more jobs will be shared out.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_hand.load(Ordering::Acquire) == 0
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// What the `index`-th courier of a relay takes next, without waiting: nothing may be at hand,
    /// or the relay's rate not allow it for a while.
    pub(super) fn take(&self, place: usize, index: usize, is_stopping: bool) -> Result<Task, Wait> {
        let Some(way) = self.list.get(place) else {
            return Err(Wait::Over);
        };
        let mut queue = lock(&way.queue);
        if let Some(task) = queue.urgent.pop_front() {
            return Ok(task);
        }
        let may = is_stopping || way.carries_bulk(index);
        if may && !queue.bulk.is_empty() {
            let slot = lock(&way.throttle).slot(Instant::now());
            if let (Err(wait), false) = (slot, is_stopping) {
                return Err(Wait::For(wait));
            }
            if let Some(job) = queue.bulk.pop_front() {
                self.tell_of_room(way, queue.bulk.len());
                return Ok(Task::Job(job));
            }
        }
        drop(queue);
        if self.is_closed() && self.is_idle() {
            return Err(Wait::Over);
        }
        Err(Wait::Ring)
    }

    /// The first of the digests next in turn whose bytes nobody made yet. Each connection has at most
    /// one made ahead.
    pub(super) fn take_unwritten(&self, place: usize, index: usize) -> Option<Job> {
        let way = self.list.get(place)?;
        if !way.carries_bulk(index) || way.throttle().puts_domains_off() {
            return None;
        }
        let (job, left) = lock(&way.queue).take_unwritten(way.connections)?;
        self.tell_of_room(way, left);
        Some(job)
    }

    /// Puts a digest back that was taken out of turn.
    pub(super) fn put_back(&self, place: usize, job: Job) {
        if let Some(way) = self.list.get(place) {
            lock(&way.queue).bulk.push_front(job);
        }
    }

    fn tell_of_room(&self, way: &Way, left: usize) {
        if left == way.most_waiting() / 2 {
            self.room.notify_one();
        }
    }

    /// The same as [`Ways::take`], waiting for it; `None` when there is nothing more to come.
    pub(super) async fn wait(&self, place: usize, index: usize, app: &App) -> Option<Task> {
        loop {
            let mut ring = pin!(self.bell.notified());
            ring.as_mut().enable();
            match self.take(place, index, app.stop.is_cancelled()) {
                Ok(task) => return Some(task),
                Err(Wait::Over) => return None,
                Err(Wait::Ring) => {
                    // A share that grows back rings no bell.
                    drop(timeout(LOOK, ring).await);
                }
                Err(Wait::For(span)) => drop(timeout(span.min(LOOK), ring).await),
            }
        }
    }
}

/// How long a courier waits before it looks again by itself.
const LOOK: Duration = Duration::from_secs(1);

/// Why there is nothing to take.
pub(super) enum Wait {
    /// Nothing is at hand.
    Ring,
    /// The rate doesn't allow it.
    For(Duration),
    /// Nothing will come any more.
    Over,
}

/// A relay among those tried.
pub(super) fn bit(place: usize) -> u64 {
    1_u64
        .checked_shl(u32::try_from(place).unwrap_or(63))
        .unwrap_or(1 << 63)
}

impl Way {
    async fn open(app: &App, mailer: &Mailer, relay: &config::Relay) -> store::Result<Self> {
        let counted = relay.warm_up.is_some().then(|| mailer.name());
        let warm_up = match (relay.warm_up, &counted) {
            (Some(first), Some(name)) => {
                let mut tx = app.db.begin().await?;
                let known = store::relay::begin(&mut tx, name, app.now().day()).await?;
                tx.commit().await?;
                let (since, day, sent) = known;
                Some(WarmUp {
                    first,
                    since,
                    day,
                    sent,
                })
            }
            _ => None,
        };
        Ok(Self {
            mailer: mailer.clone(),
            counted,
            connections: usize::try_from(relay.connections).unwrap_or(1),
            rate: relay.per_second,
            weight: usize::try_from(relay.weight).unwrap_or(1),
            throttle: Mutex::new(Throttle::new(relay, warm_up)),
            queue: Mutex::default(),
        })
    }

    /// How many couriers it has.
    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// What was heard of it.
    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        lock(&self.throttle)
    }

    fn is_open(&self, is_bulk: bool, now: Instant, day: i64) -> bool {
        self.throttle().is_open(is_bulk, now, day)
    }

    fn carries_bulk(&self, index: usize) -> bool {
        let kept = usize::from(self.connections >= ENOUGH);
        index >= kept && index - kept < self.throttle().connections()
    }

    fn room(&self) -> usize {
        let most = self.most_waiting();
        let waiting = lock(&self.queue).bulk.len();
        if waiting * 2 > most {
            0
        } else {
            most - waiting
        }
    }

    fn has_place(&self) -> bool {
        lock(&self.queue).bulk.len() < self.most_waiting()
    }

    /// How many digests may wait here: no more than the relay takes while they're leased.
    fn most_waiting(&self) -> usize {
        let most = (self.connections * WAITING_A_CONNECTION).max(WAITING);
        let lease = LEASE.num_seconds().unsigned_abs();
        let taken = self.rate.map(|rate| u64::from(rate).saturating_mul(lease));
        let taken = taken.and_then(|taken| usize::try_from(taken).ok());
        taken.map_or(most, |taken| most.min(taken))
    }
}
