//! Posting to addresses that others gave us: those of one host one after another, side by side with other
//! hosts, and whoever doesn't take something is asked again at growing distances.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tokio::task::JoinSet;

use crate::app::App;

/// How many hosts are asked at the same time.
const HOSTS_AT_ONCE: usize = 16;
/// How long a process may hold what it took in hand: longer than any exchange.
pub const IN_HAND: TimeDelta = TimeDelta::minutes(2);
/// The wait after the first failure, and the longest.
const WAITS: [TimeDelta; 2] = [TimeDelta::seconds(30), TimeDelta::hours(6)];

/// Does work host by host, those of one host one after another, so that a slow one holds up only
/// itself. What fails is logged, and its alarm rings again.
pub async fn side_by_side<T, F>(
    app: &App,
    work: Vec<T>,
    host: impl Fn(&T) -> String + Send,
    step: impl Fn(App, T) -> F + Clone + Send + Sync + 'static,
) -> anyhow::Result<()>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<Reached>> + Send,
{
    let mut hosts = BTreeMap::<String, Vec<T>>::new();
    for one in work {
        hosts.entry(host(&one)).or_default().push(one);
    }
    let mut running = JoinSet::new();
    for work in hosts.into_values() {
        if running.len() >= HOSTS_AT_ONCE {
            running.join_next().await.transpose()?;
        }
        let (app, step) = (app.clone(), step.clone());
        running.spawn(async move {
            for one in work {
                if app.stop.is_cancelled() {
                    break;
                }
                match step(app.clone(), one).await {
                    Ok(Reached::Yes) => {}
                    // Its turn comes again, and then the others' may be better.
                    Ok(Reached::No) => break,
                    Err(problem) => {
                        tracing::error!(problem = format!("{problem:#}"), "callback.broken");
                    }
                }
            }
        });
    }
    while let Some(host) = running.join_next().await {
        host?;
    }
    Ok(())
}

/// Whether a host answered: one that doesn't is left alone until the next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It did.
    Yes,
    /// It didn't.
    No,
}

/// Twice as long after each failure, and never shorter than they ask.
pub fn wait(tries: i64, asked: Option<u64>) -> TimeDelta {
    let [first, longest] = WAITS;
    let doublings = u32::try_from(tries.clamp(0, 12)).unwrap_or_default();
    let asked = asked.and_then(|seconds| TimeDelta::try_seconds(i64::try_from(seconds).ok()?));
    let wait = first * 2_i32.pow(doublings);
    wait.max(asked.unwrap_or_default()).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_six_hours() {
        assert_eq!(wait(0, None), TimeDelta::seconds(30));
        assert_eq!(wait(3, None), TimeDelta::minutes(4));
        assert_eq!(wait(3, Some(3600)), TimeDelta::hours(1));
        assert_eq!(wait(1_000_000, Some(u64::MAX)), TimeDelta::hours(6));
    }
}
