//! `dkim`: keys that sign letters.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use clap::ValueEnum;

use crate::choice::keep_key;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::config::DkimKey;
use crate::letter::dkim;
use crate::letter::dkim::Algorithm;

/// Keys that sign letters.
#[derive(Debug, Subcommand)]
pub(super) enum Dkim {
    /// Make a key, and print the DNS record to publish.
    New {
        /// The domain that letters come from.
        domain: String,
        /// The key's name in DNS, e.g. v1.
        selector: String,
        /// RSA is known to every receiver; Ed25519 is small, and to be used beside it.
        #[arg(long, value_enum, default_value = "rsa")]
        algorithm: Kind,
        /// Where to keep the key [default: {data}/dkim-DOMAIN-SELECTOR.pem].
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
}

/// Kinds of keys.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    /// RSA with 2048 bits.
    Rsa,
    /// Ed25519 (RFC 8463).
    Ed25519,
}

impl Dkim {
    pub(super) fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self::New {
            domain,
            selector,
            algorithm,
            key_file,
        } = self;
        let settings = common.settings()?;
        let path = key_file
            .unwrap_or_else(|| DkimKey::within(&settings.data, &domain, &selector).key_file);
        let algorithm = match algorithm {
            Kind::Rsa => Algorithm::Rsa,
            Kind::Ed25519 => Algorithm::Ed25519,
        };
        let key = dkim::new_key(&domain, &selector, algorithm)
            .map_err(|problem| Failure::new(Exit::Usage, problem.to_string()))?;
        keep_key(&path, &key.pem).map_err(|problem| {
            Failure::new(
                Exit::CantCreate,
                format!("the key `{}` can't be made: {problem}", path.display()),
            )
        })?;
        let shown = serde_json::json!({
            "key_file": path.display().to_string(), "record": key.record.name, "text": key.record.text,
        });
        common.out().give(&shown, |_| {
            format!(
                "the key is in {}\n\npublish this DNS record:\n{}\n\nand set:\n[[mail.dkim]]\ndomain = \"{domain}\"\n\
                 selector = \"{selector}\"\nkey_file = \"{}\"",
                path.display(),
                key.record.zone_line(),
                path.display(),
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}
