//! The fetcher against a world that lies, stalls and floods. Each test is one behaviour, or one
//! family of them, and what must come of it.

mod answers;
mod body;
mod conditional;
mod guard;
mod redirects;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use visnyk::clock::Stamp;
use visnyk::source::SourceUrl;
use visnyk::source::fetch::{
    Accept, AddressPolicy, Document, FetchError, Fetched, Fetcher, Limits, Lookup, Phase, Request,
    SystemLookup, Validators,
};

use crate::support::origin::{Origin, Reply};

/// 1994-11-06T08:49:37Z.
const NOW: Stamp = Stamp(784_111_777_000);
const FEED: &str = "<rss version=\"2.0\"><channel><title>Новини</title></channel></rss>";
const MIB: usize = 1024 * 1024;
const LOOPBACK: &str = "127.0.0.1/32";

fn allowing(blocks: &[&str]) -> AddressPolicy {
    AddressPolicy::allowing(blocks.iter().map(|block| block.parse().unwrap()).collect())
}

fn fetcher_with(policy: AddressPolicy, limits: Limits) -> Fetcher {
    let system: Arc<dyn Lookup> = Arc::new(SystemLookup);
    Fetcher::with(policy, "https://news.example", limits, &system).unwrap()
}

fn fetcher() -> Fetcher {
    fetcher_with(allowing(&[LOOPBACK]), Limits::default())
}

/// The fetcher with one of its limits cut down to what a test can wait for.
fn with_limit(change: impl FnOnce(&mut Limits)) -> Fetcher {
    let mut limits = Limits::default();
    change(&mut limits);
    fetcher_with(allowing(&[LOOPBACK]), limits)
}

fn quick_headers() -> Fetcher {
    with_limit(|limits| limits.headers = Duration::from_millis(400))
}

fn quick_stretch() -> Fetcher {
    with_limit(|limits| limits.stretch = Duration::from_millis(300))
}

async fn ask(
    fetcher: &Fetcher,
    url: &SourceUrl,
    validators: Option<&Validators>,
) -> Result<Fetched, FetchError> {
    let request = Request {
        url,
        validators,
        accept: Accept::Source,
        now: NOW,
    };
    fetcher.get(&request).await
}

async fn document(fetcher: &Fetcher, url: &SourceUrl) -> Document {
    match ask(fetcher, url, None).await.unwrap() {
        Fetched::Document(document) => document,
        Fetched::NotModified { .. } => panic!("nothing was asked conditionally"),
    }
}

async fn error_of(fetcher: &Fetcher, reply: Reply) -> FetchError {
    let origin = Origin::always(reply).await;
    ask(fetcher, &origin.url("/"), None).await.unwrap_err()
}

fn known(url: SourceUrl, etag: Option<&str>, last_modified: Option<&str>) -> Validators {
    Validators {
        url,
        etag: etag.map(str::to_owned),
        last_modified: last_modified.map(str::to_owned),
    }
}

fn timeout(phase: Phase) -> FetchError {
    FetchError::Timeout { phase }
}

/// Bytes that don't pack: a linear congruential generator's upper halves.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut packed, 65_536, 1, 22);
    encoder.write_all(bytes).unwrap();
    drop(encoder);
    packed
}
