//! The server of all fifty: it answers as each feed would, and writes down what a reader did
//! that it should not have.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use flate2::Compression;
use flate2::write::GzEncoder;
use visnyk::clock::Clock as _;
use visnyk::clock::Stamp;
use visnyk::clock::TestClock;

use super::feeds::Feed;
use super::feeds::Item;
use crate::support::origin::Asked;
use crate::support::origin::Origin;
use crate::support::origin::Reply;
use crate::support::origin::Step;
use crate::support::origin::answer;
use crate::support::origin::redirect;

/// The longest that anybody's word keeps a reader away.
const LONGEST: TimeDelta = TimeDelta::days(1);
/// How often what is due is looked for, so how late it is asked at most.
pub(super) const LOOK: TimeDelta = TimeDelta::minutes(5);

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// One request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) at: Stamp,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) conditional: bool,
}

/// What is known of one feed's reader.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) hits: Vec<Hit>,
    /// What was given last: `ETag`, `Last-Modified`.
    given: Option<(Option<String>, Option<String>)>,
    /// Not before these moments, and who says so.
    waits: Vec<(Stamp, &'static str)>,
    /// When it was last given a document.
    pub(super) whole_at: Option<Stamp>,
    /// Requests for the document without a condition.
    pub(super) unconditional: usize,
}

/// What is known of one site's readers.
#[derive(Debug, Default)]
struct Site {
    left_alone_until: Option<Stamp>,
    in_hand: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) records: BTreeMap<&'static str, Record>,
    sites: BTreeMap<u8, Site>,
    /// What should not have been, in words.
    pub(super) faults: Vec<String>,
}

/// All feeds behind one port, each site at an address of its own.
pub(super) struct Server {
    feeds: Vec<Feed>,
    clock: Arc<TestClock>,
    start: Stamp,
    /// No answer at all from the first moment to the second.
    pub(super) outage: Option<(Stamp, Stamp)>,
    pub(super) book: Mutex<Book>,
}

/// What will be answered, before it is packed.
struct Said {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Server {
    pub(super) fn new(feeds: Vec<Feed>, clock: Arc<TestClock>) -> Self {
        let start = clock.now();
        let book = Mutex::default();
        Self {
            feeds,
            clock,
            start,
            outage: None,
            book,
        }
    }

    pub(super) async fn open(self: &Arc<Self>) -> Origin {
        let server = Arc::clone(self);
        Origin::routed("0.0.0.0", move |asked| server.reply(asked)).await
    }

    /// A request's score, and its answer.
    fn reply(&self, asked: &Asked) -> Reply {
        let now = self.clock.now();
        let mut book = self.book.lock().unwrap();
        let name = asked
            .path
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap();
        let feed = self
            .feeds
            .iter()
            .find(|feed| feed.name == name)
            .expect("a feed");
        let faults = Self::manners(feed, asked);
        book.fault(now, feed, faults);
        let in_hand = Arc::clone(&book.sites.entry(feed.site).or_default().in_hand);
        let hands = in_hand.fetch_add(1, Ordering::SeqCst) + 1;
        if hands > 1 {
            book.fault(now, feed, vec![format!("{hands} requests at once")]);
        }
        let mut reply = vec![Step::Count(in_hand)];
        let rest = self.answer(&mut book, feed, asked, now);
        drop(book);
        reply.extend(rest);
        reply
    }

    /// What no reader should send.
    fn manners(feed: &Feed, asked: &Asked) -> Vec<String> {
        let mut faults = Vec::new();
        for name in ["cookie", "referer", "authorization", "range"] {
            if let Some(value) = asked.header(name) {
                faults.push(format!("{name}: {value}"));
            }
        }
        if asked.path.contains('?') {
            faults.push(format!("the address became {}", asked.path));
        }
        let host = format!("127.0.1.{}:", feed.site);
        if !asked
            .header("host")
            .is_some_and(|sent| sent.starts_with(&host))
        {
            faults.push(format!("host: {:?}", asked.header("host")));
        }
        faults
    }

    fn answer(&self, book: &mut Book, feed: &Feed, asked: &Asked, now: Stamp) -> Reply {
        let place = format!("/{}", feed.name);
        let lives_at = if feed.is("redirects") {
            format!("{place}/new")
        } else {
            place
        };
        let conditional =
            asked.header("if-none-match").is_some() || asked.header("if-modified-since").is_some();
        let hit = |status| Hit {
            at: now,
            path: asked.path.clone(),
            status,
            conditional,
        };
        if asked.path != lives_at {
            let code = feed
                .number("redirects")
                .expect("a redirect")
                .try_into()
                .unwrap();
            if conditional {
                book.fault(now, feed, vec!["another address's validators".to_owned()]);
            }
            Self::score_time(book, feed, now);
            book.record(feed).hits.push(hit(code));
            return redirect(code, &lives_at);
        }
        if !feed.is("redirects")
            || book
                .record(feed)
                .hits
                .last()
                .is_none_or(|last| last.at != now)
        {
            Self::score_time(book, feed, now);
        }
        Self::score_condition(book, feed, asked, now);
        let turn = book.record(feed).hits.len();
        let down = self
            .outage
            .is_some_and(|(from, to)| from <= now && now < to);
        let (status, reply) = if let Some(bad) = self.misbehave(book, feed, turn, down, now) {
            bad
        } else {
            self.serve(book, feed, asked, now)
        };
        let record = book.record(feed);
        record.hits.push(hit(status));
        record
            .waits
            .push((now + feed.every(), "the operator's interval"));
        reply
    }

    /// Whether it's too early.
    fn score_time(book: &mut Book, feed: &Feed, now: Stamp) {
        let record = book.record(feed);
        let first = record.hits.is_empty();
        let mut faults: Vec<String> = std::mem::take(&mut record.waits)
            .into_iter()
            .filter(|(until, _)| now < *until)
            .map(|(until, who)| format!("{} before {who} is over", until - now))
            .collect();
        if !first && feed.is_quiet(now) && feed.is_quiet(now - LOOK) {
            faults.push("in its quiet hours".to_owned());
        }
        let alone = book.sites.entry(feed.site).or_default().left_alone_until;
        if alone.is_some_and(|until| now < until) {
            faults.push("before its site's Retry-After is over".to_owned());
        }
        book.fault(now, feed, faults);
    }

    /// Whether it asks with what was given last, byte for byte, and with nothing else.
    fn score_condition(book: &mut Book, feed: &Feed, asked: &Asked, now: Stamp) {
        let record = book.record(feed);
        let sent = (
            asked.header("if-none-match").map(str::to_owned),
            asked.header("if-modified-since").map(str::to_owned),
        );
        let given = record.given.clone().unwrap_or_default();
        record.unconditional += usize::from(sent == (None, None));
        if sent != given {
            let fault = format!("expected the validators {given:?}, but got {sent:?}");
            book.fault(now, feed, vec![fault]);
        }
    }

    /// An answer that brings nothing, if it's time for one.
    fn misbehave(
        &self,
        book: &mut Book,
        feed: &Feed,
        turn: usize,
        down: bool,
        now: Stamp,
    ) -> Option<(u16, Reply)> {
        let often = turn > 0 && turn.is_multiple_of(5);
        if down && feed.is("errs") || often && feed.is("flaky") {
            return Some((500, answer("500 Oops", &[], "")));
        }
        if down && feed.is("mute") || often && feed.is("hangs-up") {
            return Some((0, Vec::new()));
        }
        if often && feed.is("cut") {
            let head = "HTTP/1.1 200 OK\r\nETag: \"cut\"\r\nContent-Length: 9999\r\n\r\n<rss>";
            return Some((0, vec![Step::Send(head.as_bytes().to_vec())]));
        }
        let code = feed.number("refuses")?;
        let since = now - self.start;
        let hours = since.num_hours();
        let refuses = (44..49).contains(&hours) || (code == 404 && (44..70).contains(&hours));
        if !refuses {
            return None;
        }
        let date = feed.number("after-date");
        let wait = feed.number("after").or(date).map(TimeDelta::seconds);
        let mut headers = Vec::new();
        if let Some(wait) = wait {
            let value = match date {
                Some(_) => http_date(now + wait),
                None => wait.num_seconds().to_string(),
            };
            headers.push(("Retry-After", value));
            let until = now + wait.min(LONGEST);
            book.sites.entry(feed.site).or_default().left_alone_until = Some(until);
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let status = u16::try_from(code).unwrap();
        Some((status, answer(&format!("{code} Not now"), &headers, "")))
    }

    /// The document, or that it hasn't changed.
    fn serve(&self, book: &mut Book, feed: &Feed, asked: &Asked, now: Stamp) -> (u16, Reply) {
        let shown = feed.shown(self.start, now);
        let newest = shown.last().copied();
        let turn = book.record(feed).hits.len();
        let mut tag = format!(
            "W/\"{}-{}\"",
            feed.name,
            newest.map_or(0, |item| item.number)
        );
        if feed.is("restless") {
            tag = format!("\"{turn}\"");
        }
        let tag = feed.etag.then_some(tag);
        let date = newest.filter(|_| feed.date).map(|item| http_date(item.at));
        let same = match (
            asked.header("if-none-match"),
            asked.header("if-modified-since"),
        ) {
            (Some(known), _) => tag.as_deref() == Some(known),
            (None, Some(known)) => date.as_deref() == Some(known),
            (None, None) => false,
        };
        let since = asked
            .header("if-none-match")
            .filter(|_| feed.is("delta") && asked.header("a-im") == Some("feed"));
        let mut said = Said {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        };
        if same && !feed.is("careless") {
            said.status = 304;
        } else if let Some(known) = since {
            said.status = 226;
            said.headers.push(("IM", "feed".to_owned()));
            let newer = shown
                .iter()
                .skip_while(|item| !known.ends_with(&format!("-{}\"", item.number)));
            said.body = Self::document(feed, &newer.skip(1).copied().collect::<Vec<_>>());
        } else {
            said.body = Self::document(feed, &shown);
        }
        Self::freshness(book.record(feed), feed, &mut said, now);
        let record = book.record(feed);
        if said.status != 304 {
            record.whole_at = Some(now);
            record.given = Some((tag.clone(), date.clone()));
        }
        said.headers.extend(tag.map(|tag| ("ETag", tag)));
        said.headers
            .extend(date.map(|date| ("Last-Modified", date)));
        (said.status, pack(feed, said))
    }

    /// How long what is said stays good, by header and by the feed's own words.
    fn freshness(record: &mut Record, feed: &Feed, said: &mut Said, now: Stamp) {
        let mut wait = |seconds: i64, who| {
            let until = now + TimeDelta::seconds(seconds).min(LONGEST);
            record.waits.push((until, who));
        };
        if let Some(age) = feed.number("max-age") {
            // What isn't said anew still holds (RFC 9111 §4.3.4).
            if said.status != 304 || !feed.is("says-once") {
                said.headers
                    .push(("Cache-Control", format!("public, max-age={age}")));
            }
            wait(age, "max-age");
        }
        if let Some(age) = feed.number("expires") {
            said.headers
                .push(("Expires", http_date(now + TimeDelta::seconds(age))));
            wait(age, "Expires");
        }
        if let Some(minutes) = feed.number("ttl") {
            wait(minutes * 60, "ttl");
        }
        if feed.is("period") {
            wait(24 * 3600, "sy:updatePeriod");
        }
        if feed.is("cookie") {
            said.headers
                .push(("Set-Cookie", "visitor=1; Path=/".to_owned()));
        }
    }

    fn document(feed: &Feed, items: &[Item]) -> Vec<u8> {
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" \
             xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\"><channel><title>{}</title>\
             <link>https://{}.example.org/</link><description>Новини</description>",
            feed.name, feed.name
        );
        if let Some(minutes) = feed.number("ttl") {
            write!(xml, "<ttl>{minutes}</ttl>").unwrap();
        }
        if let Some(period) = feed.word("period") {
            write!(xml, "<sy:updatePeriod>{period}</sy:updatePeriod>").unwrap();
        }
        if let Some(hours) = feed.span("skip-hours") {
            let hours: Vec<_> = hours.map(|hour| format!("<hour>{hour}</hour>")).collect();
            write!(xml, "<skipHours>{}</skipHours>", hours.concat()).unwrap();
        }
        if let Some(days) = feed.span("skip-days") {
            let names = DAYS.iter().zip(0..).filter(|(_, day)| days.contains(day));
            let days: Vec<_> = names
                .map(|(name, _)| format!("<day>{name}</day>"))
                .collect();
            write!(xml, "<skipDays>{}</skipDays>", days.concat()).unwrap();
        }
        for Item { number, at } in items.iter().rev() {
            write!(
                xml,
                "<item><title>{}</title><link>https://{}.example.org/{number}</link>\
                 <guid isPermaLink=\"false\">{}:{number}</guid><pubDate>{}</pubDate></item>",
                feed.title(*number),
                feed.name,
                feed.name,
                at.utc().to_rfc2822()
            )
            .unwrap();
        }
        xml.push_str("</channel></rss>");
        xml.into_bytes()
    }
}

impl Book {
    fn record(&mut self, feed: &Feed) -> &mut Record {
        self.records.entry(feed.name).or_default()
    }

    fn fault(&mut self, now: Stamp, feed: &Feed, faults: Vec<String>) {
        let faults = faults
            .into_iter()
            .map(|fault| format!("{now} {}: {fault}", feed.name));
        self.faults.extend(faults);
    }
}

fn pack(feed: &Feed, said: Said) -> Reply {
    let Said {
        status,
        mut headers,
        mut body,
    } = said;
    headers.push(("Content-Type", "application/rss+xml".to_owned()));
    if status != 304 && feed.is("gzip") {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&body).unwrap();
        body = encoder.finish().unwrap();
        headers.push(("Content-Encoding", "gzip".to_owned()));
    }
    if status != 304 && feed.is("br") {
        let mut packed = Vec::new();
        let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, 1, 18);
        encoder.write_all(&body).unwrap();
        drop(encoder);
        body = packed;
        headers.push(("Content-Encoding", "br".to_owned()));
    }
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    answer(&format!("{status} Said"), &headers, body)
}

fn http_date(moment: Stamp) -> String {
    moment.utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
