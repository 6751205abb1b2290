//! What a connection carries next: letters taken from its relay's queue, let in by its limits, and
//! written in their final bytes.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::app::App;
use crate::delivery::courier::Job;
use crate::delivery::courier::Written;
use crate::delivery::courier::domain;
use crate::delivery::courier::failed;
use crate::delivery::ledger::Entry;
use crate::delivery::ways::Task;
use crate::delivery::ways::Ways;
use crate::delivery::ways::bit;
use crate::delivery::write;
use crate::letter::compose::Composed;
use crate::store::letter::Arrow;

/// Where one courier's letters come from.
pub(super) struct Supply {
    app: App,
    ways: Arc<Ways>,
    place: usize,
    index: usize,
    /// Letters that aren't carried, and what is to be written of them.
    set_aside: Vec<Entry>,
}

impl Supply {
    /// The supply of a relay's courier.
    pub(super) fn new(app: &App, ways: &Arc<Ways>, (place, index): (usize, usize)) -> Self {
        Self {
            app: app.clone(),
            ways: Arc::clone(ways),
            place,
            index,
            set_aside: Vec::new(),
        }
    }

    /// What is to be written of letters that aren't carried; each comes to rest with it.
    pub(super) fn set_aside(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.set_aside)
    }

    /// At most so many letters, as far as they're at hand.
    pub(super) async fn take(&mut self, most: usize) -> Vec<Written> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most {
            let is_stopping = self.app.stop.is_cancelled();
            let Ok(task) = self.ways.take(self.place, self.index, is_stopping) else {
                break;
            };
            taken.extend(self.write(task).await);
        }
        taken
    }

    /// Waits for a task. `None` if there is nothing more to come, else whatever came of it.
    pub(super) async fn wait(&mut self) -> Option<Option<Written>> {
        let task = self.ways.wait(self.place, self.index, &self.app).await?;
        Some(self.write(task).await)
    }

    /// Writes a letter that waits in the queue, and leaves it there: whoever is next finds it done,
    /// and it waits for nobody's connection.
    pub(super) async fn write_ahead(&mut self) {
        if let Some(mut job) = self.ways.take_unwritten(self.place, self.index) {
            job.composed = self.compose(&job).await;
            if job.composed.is_some() {
                self.ways.put_back(self.place, job);
            }
        }
    }

    async fn write(&mut self, task: Task) -> Option<Written> {
        match task {
            Task::Passed(written) => Some(written),
            Task::Job(job) if self.app.stop.is_cancelled() => {
                self.set_aside.push(Entry::of(&job.letter, Arrow::Return));
                None
            }
            Task::Job(job) => {
                let mut job = self.admit(job)?;
                let composed = match job.composed.take() {
                    Some(composed) => composed,
                    None => self.compose(&job).await?,
                };
                Some(Written {
                    letter: job.letter,
                    composed,
                    passed_at: None,
                    tried: 0,
                    attempts: Vec::new(),
                })
            }
        }
    }

    /// The job, if the relay takes letters and the reader's domain takes one now. Otherwise it goes
    /// to another relay, or back.
    fn admit(&mut self, job: Job) -> Option<Job> {
        let (now, is_bulk) = (self.app.now(), job.is_bulk());
        let way = self.ways.way(self.place)?;
        let mut throttle = way.throttle();
        if !throttle.admit(is_bulk, Instant::now(), now.day()) {
            drop(throttle);
            let back = self
                .ways
                .pass_on(Task::Job(job), bit(self.place), now.day());
            if let Some(Task::Job(job)) = back {
                self.set_aside.push(Entry::of(&job.letter, Arrow::Return));
            }
            return None;
        }
        let domain = domain(job.letter.email.as_deref().unwrap_or_default());
        match throttle.domain_slot(domain, Instant::now()) {
            Err(wait) if is_bulk => {
                drop(throttle);
                let due = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1));
                self.set_aside
                    .push(Entry::of(&job.letter, Arrow::PutOff(due)));
                None
            }
            _ => Some(job),
        }
    }

    async fn compose(&mut self, job: &Job) -> Option<Composed> {
        self.app.follow();
        let (letter, printed) = (&job.letter, job.printed.as_deref());
        match write::letter(&self.app, letter, job.list.as_deref(), printed).await {
            Ok(composed) => Some(composed),
            Err(problem) => {
                let words = format!("{problem:#}");
                tracing::error!(letter = letter.id.0, problem = words, "letter.failed");
                let attempt = failed(self.app.now(), "compose", &words);
                self.set_aside
                    .push(Entry::of(letter, Arrow::Fail).with(attempt));
                None
            }
        }
    }
}
