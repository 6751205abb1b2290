//! What the DNS says of our letters: who may send them (SPF, RFC 7208), with which key they're
//! signed (DKIM, RFC 6376 §3.6), what to make of the rest (DMARC, RFC 7489 §6.6.3), where they come
//! back to (MX), and whether a relay's address leads back to its name (PTR).
//!
//! In come the domains that letters are from, out go findings in words with the record to publish.
//! It asks and never changes anything. A name server that doesn't answer proves nothing against us.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::config::NameServerConfig;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;

use crate::letter::dkim::Signer;
use crate::source::fetch::is_public;

/// How long one question may take, asked twice.
const PATIENCE: Duration = Duration::from_secs(3);

/// What letters say of where they come from.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    /// The domains in `From`.
    pub from: BTreeSet<String>,
    /// The domain that receivers check SPF for and send refusals to.
    pub envelope: String,
    /// Whether refusals come back to that domain because `mail.bounces` says so.
    pub takes_bounces: bool,
    /// The host names of relays.
    pub relays: BTreeSet<String>,
}

/// How a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As it should be.
    Good(String),
    /// Nobody could say, or it's no fault of ours.
    Unknown(String),
    /// To be mended: what is wrong, and what to publish.
    Bad(String),
}

/// A question's name and the answer to it.
pub type Finding = (String, Standing);

/// A resolver to ask.
#[derive(Debug)]
pub struct Records(TokioResolver);

type Answer<T> = Result<T, NetError>;

impl Records {
    /// Asks `server`, or else those that the machine asks.
    ///
    /// # Errors
    /// In words, if the machine names no server that can be asked.
    pub fn asking(server: Option<SocketAddr>) -> Result<Self, String> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(|problem| problem.to_string())?,
            Some(server) => {
                let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut way| {
                    way.port = server.port();
                    way
                });
                let server = NameServerConfig::new(server.ip(), true, ways.into());
                let only = ResolverConfig::from_name_servers(vec![server]);
                Resolver::builder_with_config(only, TokioRuntimeProvider::default())
            }
        };
        builder.options_mut().timeout = PATIENCE;
        builder.options_mut().attempts = 2;
        let resolver = builder.build().map_err(|problem| problem.to_string())?;
        Ok(Self(resolver))
    }

    /// Everything that receivers will look up of `sender`. If nobody answers the first question,
    /// the others aren't asked.
    pub async fn look(&self, sender: &Sender, signers: &[Signer]) -> Vec<Finding> {
        let spf = match self.texts(&sender.envelope).await {
            Ok(texts) => judge_spf(&sender.envelope, &texts),
            Err(problem) => {
                let words = format!("nobody answers, so no record was looked at: {problem}");
                return vec![("DNS".to_owned(), Standing::Unknown(words))];
            }
        };
        let mut findings = vec![(format!("SPF of {}", sender.envelope), spf)];
        for signer in signers {
            let name = &signer.record().name;
            let found = self.texts(name).await;
            findings.push(finding("DKIM", name, found, |texts| {
                judge_key(signer, texts)
            }));
        }
        for domain in &sender.from {
            if !signers
                .iter()
                .any(|signer| is_aligned(domain, signer.domain()))
            {
                findings.push((format!("DKIM of {domain}"), unsigned(domain)));
            }
            let found = self.policy(domain).await;
            findings.push(finding("DMARC", domain, found, |texts| {
                judge_policy(domain, texts)
            }));
        }
        if sender.takes_bounces {
            let found = self.mail_hosts(&sender.envelope).await;
            findings.push(finding("MX", &sender.envelope, found, |hosts| {
                judge_mail_hosts(&sender.envelope, hosts)
            }));
        }
        for host in &sender.relays {
            if let Some(found) = self.way_back(host).await {
                findings.push((format!("PTR of {host}"), found));
            }
        }
        findings
    }

    /// The TXT records of a name, each in one piece; none if there is no such name.
    async fn texts(&self, name: &str) -> Answer<Vec<String>> {
        let found = self.ask(name, RecordType::TXT).await?;
        let texts = found.into_iter().filter_map(|data| match data {
            RData::TXT(text) => {
                let bytes = text.txt_data.concat();
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            _ => None,
        });
        Ok(texts.collect())
    }

    /// The policy of a domain, or else of the nearest one above it that has any.
    async fn policy(&self, domain: &str) -> Answer<Vec<String>> {
        let mut at = domain;
        loop {
            let mut texts = self.texts(&format!("_dmarc.{at}")).await?;
            texts.retain(|text| is_tagged(text, "v=DMARC1"));
            match at.split_once('.') {
                Some((_, above)) if texts.is_empty() && above.contains('.') => at = above,
                _ => return Ok(texts),
            }
        }
    }

    async fn mail_hosts(&self, domain: &str) -> Answer<Vec<String>> {
        let found = self.ask(domain, RecordType::MX).await?;
        let hosts = found.into_iter().filter_map(|data| match data {
            RData::MX(host) => Some(name_of(&host.exchange)),
            _ => None,
        });
        Ok(hosts.collect())
    }

    /// Whether a relay's public address has a name that leads back to it. `None` for a relay without
    /// one: what's inside our own network is nobody's business.
    async fn way_back(&self, host: &str) -> Option<Standing> {
        let addresses: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => match self.0.lookup_ip(host).await {
                Ok(found) => found.iter().collect(),
                Err(problem) => return Some(Standing::Unknown(problem.to_string())),
            },
        };
        let address = addresses.into_iter().find(|address| is_public(*address))?;
        let found = match self.0.reverse_lookup(address).await {
            Ok(found) => found,
            Err(problem) if is_nothing(&problem) => {
                return Some(Standing::Unknown(format!(
                    "{address} has no name; if it hands letters to strangers, have its provider give it one"
                )));
            }
            Err(problem) => return Some(Standing::Unknown(problem.to_string())),
        };
        let name = found
            .answers()
            .iter()
            .find_map(|record| match &record.data {
                RData::PTR(name) => Some(name_of(name)),
                _ => None,
            })?;
        let back = self.0.lookup_ip(name.as_str()).await;
        Some(
            if back.is_ok_and(|found| found.iter().any(|ip| ip == address)) {
                Standing::Good(format!("{address} is {name}, and back"))
            } else {
                Standing::Unknown(format!(
                    "{address} is called {name}, but that name doesn't lead back to it"
                ))
            },
        )
    }

    /// What there is of a kind at a name. "Nothing" is an answer.
    async fn ask(&self, name: &str, kind: RecordType) -> Answer<Vec<RData>> {
        // With the dot at its end it's asked as it is.
        let name = format!("{}.", name.trim_end_matches('.'));
        match self.0.lookup(name, kind).await {
            Ok(found) => {
                let answers = found.answers().iter();
                Ok(answers.map(|record| record.data.clone()).collect())
            }
            Err(problem) if is_nothing(&problem) => Ok(Vec::new()),
            Err(problem) => Err(problem),
        }
    }
}

fn finding(
    what: &str,
    name: &str,
    found: Answer<Vec<String>>,
    judge: impl FnOnce(&[String]) -> Standing,
) -> Finding {
    let standing = found.map_or_else(
        |problem| Standing::Unknown(format!("nobody answers: {problem}")),
        |found| judge(&found),
    );
    (format!("{what} of {name}"), standing)
}

/// One record, that ends in a word on everybody else.
fn judge_spf(domain: &str, texts: &[String]) -> Standing {
    let mut policies = texts.iter().filter(|text| {
        let version = text.split(' ').next().unwrap_or_default();
        version.eq_ignore_ascii_case("v=spf1")
    });
    let Some(policy) = policies.next() else {
        return Standing::Bad(format!(
            "there is none; publish who may send, e.g. {domain}. IN TXT \"v=spf1 include:YOUR-RELAY -all\""
        ));
    };
    if policies.next().is_some() {
        return Standing::Bad("there are several, so receivers heed none; leave one".to_owned());
    }
    let last = policy.split(' ').rfind(|word| !word.is_empty());
    match last.map(str::to_ascii_lowercase).as_deref() {
        Some("+all" | "all") => {
            Standing::Bad(format!("`{policy}` lets everybody send; end it in -all"))
        }
        Some("-all" | "~all") => Standing::Good(policy.clone()),
        Some(word) if word.starts_with("redirect=") => Standing::Good(policy.clone()),
        _ => Standing::Bad(format!(
            "`{policy}` says nothing of others; end it in -all or ~all"
        )),
    }
}

fn judge_key(signer: &Signer, texts: &[String]) -> Standing {
    let publish = || format!("publish {}", signer.record().zone_line());
    let key = |text: &String| {
        let mut tags = text.split(';');
        let tag = tags.find_map(|tag| tag.trim().strip_prefix("p="));
        tag.map(|key| key.split_whitespace().collect::<String>())
    };
    let keys: Vec<String> = texts.iter().filter_map(key).collect();
    match keys.as_slice() {
        [] => Standing::Bad(format!("there is none; {}", publish())),
        keys if keys.contains(&signer.record().key) => {
            Standing::Good("our key is published".to_owned())
        }
        [gone] if gone.is_empty() => {
            Standing::Bad(format!("the key was called back; {}", publish()))
        }
        _ => Standing::Bad(format!(
            "another key is published than letters are signed with; {}",
            publish()
        )),
    }
}

fn unsigned(domain: &str) -> Standing {
    Standing::Bad(format!(
        "letters from {domain} aren't signed for it; `visnyk dkim new {domain} v1` makes a key and says what to publish"
    ))
}

fn judge_policy(domain: &str, texts: &[String]) -> Standing {
    match texts {
        [] => Standing::Bad(format!(
            "there is none, and large receivers want one; publish _dmarc.{domain}. IN TXT \"v=DMARC1; p=none\""
        )),
        [policy] if policy.split(';').any(|tag| is_tagged(tag, "p=")) => {
            Standing::Good(policy.clone())
        }
        [policy] => Standing::Bad(format!(
            "`{policy}` names no policy; add p=none, p=quarantine or p=reject"
        )),
        _ => Standing::Bad("there are several, so receivers heed none; leave one".to_owned()),
    }
}

fn judge_mail_hosts(domain: &str, hosts: &[String]) -> Standing {
    if hosts.is_empty() {
        return Standing::Bad(format!(
            "refusals are to come back to {domain}, but no host takes its mail; publish {domain}. IN MX 10 YOUR-MAIL-HOST."
        ));
    }
    Standing::Good(format!("refusals come back to {}", hosts.join(", ")))
}

fn is_tagged(text: &str, start: &str) -> bool {
    let text = text.trim_start().as_bytes();
    let head = text.get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

/// Whether one of two domains is the other, or below it: near enough to DMARC's relaxed alignment,
/// without a list of all public suffixes.
fn is_aligned(one: &str, other: &str) -> bool {
    let below = |low: &str, high: &str| {
        let rest = low.strip_suffix(high);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below(one, other) || below(other, one)
}

fn is_nothing(problem: &NetError) -> bool {
    problem.is_no_records_found() || problem.is_nx_domain()
}

fn name_of(name: &Name) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_bad(standing: &Standing, words: &str) -> bool {
        matches!(standing, Standing::Bad(said) if said.contains(words))
    }

    #[test]
    fn a_sender_policy_must_be_one_and_say_something_of_others() {
        let judge = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.into()).collect();
            judge_spf("news.example", &texts)
        };
        assert!(is_bad(&judge(&[]), "there is none"));
        assert!(is_bad(
            &judge(&["google-site-verification=1"]),
            "there is none"
        ));
        assert!(is_bad(&judge(&["v=spf1 -all", "v=spf1 a ~all"]), "several"));
        assert!(is_bad(&judge(&["v=spf1 a +all"]), "everybody"));
        assert!(is_bad(&judge(&["v=spf1 a"]), "nothing of others"));
        for good in [
            "v=spf1 a -all",
            "V=SPF1 include:x ~ALL",
            "v=spf1 redirect=_spf.example",
        ] {
            assert!(matches!(judge(&[good]), Standing::Good(_)), "{good}");
        }
    }

    #[test]
    fn a_policy_must_be_one_and_name_what_to_do() {
        let judge = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.into()).collect();
            judge_policy("news.example", &texts)
        };
        assert!(is_bad(&judge(&[]), "_dmarc.news.example. IN TXT"));
        assert!(is_bad(
            &judge(&["v=DMARC1; rua=mailto:a@b.example"]),
            "names no policy"
        ));
        assert!(is_bad(
            &judge(&["v=DMARC1; p=none", "v=DMARC1; p=reject"]),
            "several"
        ));
        assert!(matches!(judge(&["v=DMARC1;p=none"]), Standing::Good(_)));
    }

    #[test]
    fn a_domain_is_aligned_with_itself_and_its_kin() {
        assert!(is_aligned("news.example", "news.example"));
        assert!(is_aligned("mail.news.example", "news.example"));
        assert!(is_aligned("news.example", "mail.news.example"));
        assert!(!is_aligned("othernews.example", "news.example"));
    }
}
