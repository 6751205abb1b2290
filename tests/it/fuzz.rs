//! What fuzzing begins with, and what it has found, through the same rules: `fuzz/Cargo.toml` tells how
//! to look for more.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it's a library to the targets")]
mod rules;

use std::fs;
use std::path::Path;

/// Every file of a target's corpus.
fn replay(target: &str, rule: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        // Names the file, if the rule breaks on it.
        println!("{}", path.display());
        rule(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(
        count > 0,
        "expected files in {}, but got none",
        folder.display()
    );
}

macro_rules! replayed {
    ($($target:ident),*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target), rules::$target);
        })*

        #[test]
        fn every_target_is_replayed() {
            let manifest = include_str!("../../fuzz/Cargo.toml");
            let named = [$(stringify!($target)),*];
            assert_eq!(manifest.matches("[[bin]]").count(), named.len());
            for name in named {
                assert!(manifest.contains(&format!("targets/{name}.rs")), "{name}");
            }
        }
    };
}
replayed!(decode, syndication, listing, page, date, cleaner);
