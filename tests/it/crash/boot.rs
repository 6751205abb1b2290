//! How soon the first letter comes after a restart, whatever waits.

use super::*;

/// How many letters wait: `VISNYK_TEST_QUEUED=1000000` for a long look.
fn queues() -> Vec<usize> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a long look is asked for by hand"
    )]
    let asked = std::env::var("VISNYK_TEST_QUEUED");
    let most = asked.map_or(100_000, |queued| queued.parse().expect("a number"));
    vec![1_000, most]
}

/// From the start of a process to its first letter, the quickest of five; each is killed in the
/// middle of its work.
async fn first_letter(queued: usize) -> Duration {
    let app = TestApp::new().await;
    app.wait(SystemClock.now() - app.now());
    let list = app.add_list("news").await;
    crowd(&app, &list, queued).await;
    let letters = app.queue_digest(&list, "Новина-1").await;
    assert_eq!(letters, u64::try_from(queued).unwrap());
    app.db.close().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = write_settings(&app, listener.local_addr().unwrap(), CONNECTIONS);
    let sink = Arc::new(Sink::default());
    let mut running = JoinSet::new();
    running.spawn(serve(listener, Arc::clone(&sink)));
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let before = sink.len();
        let begun = tokio::time::Instant::now();
        let mut process = visnyk(&app, &config, &["send"]);
        wait_for(&sink, before + 1, &mut process).await;
        quickest = quickest.min(begun.elapsed());
        wait_for(&sink, before + 20, &mut process).await;
        process.kill().unwrap();
        process.wait().unwrap();
        sink.rest().await;
    }
    quickest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_letter_after_a_restart_comes_as_soon_whatever_waits() {
    let mut first = Vec::new();
    for queued in queues() {
        let soon = first_letter(queued).await;
        println!("{queued} queued: the first letter after {soon:?}");
        first.push(soon);
    }
    assert!(
        first[1] < first[0] * 2 + Duration::from_millis(200),
        "{first:?}"
    );
}
