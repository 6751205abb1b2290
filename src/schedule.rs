//! The alarm clock. It only says "look"; what is due, the database knows, so a missed ring loses
//! nothing.
//!
//! tokio-cron-scheduler keeps no time zone over a change of clocks and nothing over a restart. It
//! needs neither here: every job is a line in UTC, and runs a flow that may be run at any moment,
//! by any number of processes.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_cron_scheduler::Job;
use tokio_cron_scheduler::JobScheduler;
use tokio_cron_scheduler::JobSchedulerError;

use crate::app::App;
use crate::audience::import::upload;
use crate::audience::preferences;
use crate::config::Role;
use crate::delivery::bounce;
use crate::delivery::canary;
use crate::delivery::smtp::Trust;
use crate::digest::compile;
use crate::digest::retain;
use crate::digest::sent;
use crate::feed::hub;
use crate::source::pictures;
use crate::source::poll;
use crate::source::websub;
use crate::store::installation;
use crate::webhook::post;

/// Rings until the app stops: at once, and then by the clock.
pub async fn run(app: &App) -> anyhow::Result<()> {
    let mut scheduler = JobScheduler::new().await?;
    if app.settings.roles.contains(&Role::Ingest) {
        take_in(&scheduler, app).await?;
    }
    if app.settings.roles.contains(&Role::Send) {
        give_out(&scheduler, app).await?;
    }
    let roles = &app.settings.roles;
    if roles.contains(&Role::Ingest) || roles.contains(&Role::Send) {
        every(
            &scheduler,
            "*/2 * * * * *",
            app,
            "import",
            |app| async move { upload::take_due(&app).await },
        )
        .await?;
    }
    every(
        &scheduler,
        "*/5 * * * * *",
        app,
        "installation",
        |app| async move {
            let moved = installation::refuse_moved(&mut app.db.read().await?).await;
            moved.inspect_err(|_| app.stop.cancel())?;
            Ok(app.renew().await?)
        },
    )
    .await?;
    scheduler.start().await?;
    app.stop.cancelled().await;
    scheduler.shutdown().await?;
    Ok(())
}

/// What comes in: sources, and the pictures of what they gave.
async fn take_in(scheduler: &JobScheduler, app: &App) -> Result<(), JobSchedulerError> {
    every(scheduler, "*/5 * * * * *", app, "poll", |app| async move {
        poll::ring(&app).await
    })
    .await?;
    every(
        scheduler,
        "*/5 * * * * *",
        app,
        "pictures",
        |app| async move { pictures::hold_due(&app).await.map(drop) },
    )
    .await?;
    every(
        scheduler,
        "*/5 * * * * *",
        app,
        "websub",
        |app| async move { websub::ask_due(&app).await.map(drop) },
    )
    .await?;
    Ok(())
}

/// What goes out, and what comes back of it.
async fn give_out(scheduler: &JobScheduler, app: &App) -> Result<(), JobSchedulerError> {
    every(
        scheduler,
        "*/5 * * * * *",
        app,
        "compile",
        |app| async move { compile::compile_due(&app).await.map(drop) },
    )
    .await?;
    every(scheduler, "*/5 * * * * *", app, "sent", |app| async move {
        sent::note_due(&app).await.map(drop)
    })
    .await?;
    every(
        scheduler,
        "*/2 * * * * *",
        app,
        "webhook",
        |app| async move { post::post_due(&app).await.map(drop) },
    )
    .await?;
    every(scheduler, "0 17 * * * *", app, "retain", |app| async move {
        retain::clear(&app).await
    })
    .await?;
    every(scheduler, "*/2 * * * * *", app, "hub", |app| async move {
        hub::verify_due(&app).await?;
        hub::push_due(&app).await?;
        hub::tell_outside(&app).await.map(drop)
    })
    .await?;
    every(
        scheduler,
        "*/5 * * * * *",
        app,
        "resume",
        |app| async move { preferences::resume_due(&app).await.map(drop) },
    )
    .await?;
    every(
        scheduler,
        "*/5 * * * * *",
        app,
        "bounce",
        |app| async move { bounce::take_refusals(&app).await.map(drop) },
    )
    .await?;
    every(scheduler, "0 * * * * *", app, "mailbox", |app| async move {
        let trust = Trust::native()?;
        bounce::take_mailbox(&app, &trust).await.map(drop)
    })
    .await?;
    every(scheduler, "30 * * * * *", app, "canary", |app| async move {
        canary::look(&app, &Trust::native()?).await.map(drop)
    })
    .await?;
    Ok(())
}

/// One job: never twice at once in this process, once at boot, and told when it fails.
async fn every<F, R>(
    scheduler: &JobScheduler,
    pattern: &str,
    app: &App,
    name: &'static str,
    flow: F,
) -> Result<(), JobSchedulerError>
where
    F: Fn(App) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let busy = Arc::new(Mutex::new(()));
    let ring = {
        let app = app.clone();
        move || {
            let (app, flow, busy) = (app.current(), flow.clone(), Arc::clone(&busy));
            async move {
                let Ok(_alone) = busy.try_lock() else { return };
                if let Err(problem) = flow(app).await {
                    tracing::error!(job = name, problem = format!("{problem:#}"), "job.failed");
                }
            }
        }
    };
    app.tasks.spawn(ring());
    let tasks = app.tasks.clone();
    let job = Job::new_async(pattern, move |_, _| {
        let running = tasks.spawn(ring());
        Box::pin(async move { drop(running.await) })
    })?;
    scheduler.add(job).await?;
    Ok(())
}
