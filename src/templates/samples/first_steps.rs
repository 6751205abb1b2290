//! Samples of what comes next while an installation is new.

use crate::templates::first_steps::Came;
use crate::templates::first_steps::FirstSteps;
use crate::templates::first_steps::Record;
use crate::templates::first_steps::Setting;
use crate::templates::first_steps::Step;
use crate::templates::first_steps::StepName;
use crate::templates::first_steps::StepState;
use crate::templates::samples::URL;

fn settings(sender: &str, relay: &str) -> Vec<Setting> {
    let setting = |name, key, value: &str| Setting {
        name,
        key,
        value: value.into(),
    };
    vec![
        setting("name", "site.name", "Вісник області"),
        setting("zone", "site.zone", "Europe/Kyiv"),
        setting("sender", "mail.from", sender),
        setting("relay", "mail.relay", relay),
    ]
}

/// Steps of which the first so many are done, in so many words.
fn steps(done: usize, source: &'static str) -> Vec<Step> {
    let named = [
        (StepName::Settings, "settings"),
        (StepName::Letter, "letter"),
        (StepName::List, "list"),
        (StepName::Reader, "reader"),
        (StepName::Source, source),
        (StepName::Digest, "digest"),
    ];
    let steps = named.into_iter().enumerate().map(|(place, (name, how))| {
        let is_link = name != StepName::Letter;
        Step {
            name,
            state: match place {
                place if place < done => StepState::Done,
                place if place == done => StepState::Next,
                _ => StepState::Later,
            },
            how,
            url: is_link.then(|| format!("{URL}/admin/lists/new")),
            post: (name == StepName::Letter).then(|| "/admin/test-letter".into()),
        }
    });
    steps.collect()
}

/// A first look, and one with almost everything done.
pub(super) fn samples() -> [FirstSteps; 2] {
    let first = FirstSteps {
        done: 0,
        all: 6,
        steps: steps(0, "source"),
        settings: settings("visnyk@localhost", "/var/lib/visnyk/outbox"),
        settings_url: Some(format!("{URL}/admin/settings")),
        records: Vec::new(),
        unsigned: true,
        came: Some(Came::Enough),
    };
    let later = FirstSteps {
        done: 4,
        all: 6,
        steps: steps(4, "source_added"),
        settings: settings("Вісник <news@visnyk.example>", "relay.example"),
        settings_url: None,
        records: vec![Record {
            name: "v1._domainkey.visnyk.example".into(),
            text: format!("v=DKIM1; k=rsa; p={}", "MIIBIjANBgkqhkiG9w0B".repeat(18)),
        }],
        unsigned: false,
        came: Some(Came::Sent),
    };
    [first, later]
}
