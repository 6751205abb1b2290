//! What the program says of a source, and the words that tell it to people: `words/*.toml`,
//! `source_trouble`.

/// The words below `source_trouble`, and the sentence that they stand for. A name in braces is whatever
/// stands there: `problem` is told in its turn, one that begins with `the_` must be among these, and
/// `count` decides the plural.
pub(super) const SAYINGS: &[(&str, &str)] = &[
    // a fetch
    (
        "setup",
        "expected settings that make an HTTP client, but got: {why}",
    ),
    (
        "scheme",
        "expected an http or https address, but got the scheme `{scheme}`",
    ),
    (
        "credentials",
        "expected an address without user and password, but got one with them",
    ),
    (
        "blocked",
        "expected a public address on port 80 or 443 or one that `ingest.allow` names, but got `{address}`",
    ),
    (
        "unknown_host",
        "expected `{host}` to lead to an address, but got: {why}",
    ),
    (
        "slow_connect",
        "expected a connection, but got too little in time",
    ),
    ("connect", "expected a connection, but got: {why}"),
    (
        "tls",
        "expected a trustworthy TLS connection, but got: {why}",
    ),
    ("not_http", "expected an HTTP answer, but got: {why}"),
    (
        "slow_headers",
        "expected headers, but got too little in time",
    ),
    (
        "slow_body",
        "expected the whole body, but got too little in time",
    ),
    (
        "slow_pace",
        "expected a body at a fair pace, but got too little in time",
    ),
    (
        "redirects",
        "expected at most {limit} redirects, but got more",
    ),
    (
        "bad_redirect",
        "expected a redirect to an address, but got `{address}`",
    ),
    (
        "downgrade",
        "expected a redirect that stays with https, but got `{address}`",
    ),
    ("too_large", "expected at most {limit} bytes, but got more"),
    (
        "ratio",
        "expected a body that unpacks to at most {limit} times its size, but got more",
    ),
    (
        "coding",
        "expected gzip, br, zstd or deflate, once, but got `{coding}`",
    ),
    ("broken", "expected the whole body, but got: {why}"),
    (
        "unasked",
        "expected a document, but got 304 to a request that had no conditions",
    ),
    ("unasked", "expected a document, but got 304"),
    (
        "gone",
        "expected a document, but got 410: it is gone for good",
    ),
    ("status", "expected a document, but got status {code}"),
    // a document
    ("nothing", "expected a feed or a page, but got nothing"),
    ("size", "expected at most {limit} bytes, but got {size}"),
    ("strange", "expected {the_wanted}, but got {the_found}"),
    ("any_document", "a feed, a sitemap or HTML"),
    ("any_feed", "RSS, Atom or JSON Feed"),
    ("html", "HTML"),
    ("json", "JSON"),
    ("feed", "a feed"),
    ("sitemap", "a sitemap"),
    ("unknown", "something unknown"),
    (
        "no_feed",
        "expected RSS, RDF or Atom, but found none of them",
    ),
    (
        "no_items",
        "expected a JSON Feed with `items`, but found none",
    ),
    ("bad_json", "expected JSON, but {why}"),
    ("no_sitemap", "expected a sitemap, but found none"),
    (
        "index",
        "this is an index of sitemaps: add {address} instead",
    ),
    (
        "no_article",
        "expected an article with a headline or words, but got neither",
    ),
    (
        "other_page",
        "expected one article, but got a page of another kind",
    ),
    (
        "no_match",
        "expected items that match `{css}`, but got none",
    ),
    (
        "no_rows",
        "expected links with headlines in a row, but got none",
    ),
    (
        "selector_length",
        "expected a selector of at most {limit} characters for `--{name}`, but got {size}",
    ),
    (
        "selector",
        "expected a CSS selector such as `.news h3 > a` for `--{name}`, but got `{css}`: {why}",
    ),
    ("empty", "the feed holds no articles"),
    // what is in it
    ("date", "expected a date, but got `{text}`"),
    ("link", "a link was left out: {problem}"),
    ("address", "an address was left out: {problem}"),
    (
        "address_length",
        "expected an address of at most {limit} bytes, but got {size}",
    ),
    (
        "address_scheme",
        "expected an http or https address, but got `{text}`",
    ),
    (
        "address_part",
        "`{text}` is no whole address, and the document's own isn't known",
    ),
    ("no_address", "expected an address, but got `{text}`"),
    ("nameless", "an article has neither guid nor link nor title"),
    (
        "silent",
        "items that are left out: {count}; expected a headline, a text, an address or a file, but got none",
    ),
    (
        "attributes",
        "more attributes than any document needs were left out",
    ),
    ("nesting", "nesting beyond {limit} levels was flattened"),
    ("unclosed", "{count} elements were never closed"),
    (
        "first",
        "only the first {limit} of {all} articles were read",
    ),
    (
        "newest",
        "only the newest {limit} of {all} articles were read",
    ),
    (
        "newest_addresses",
        "only the newest {limit} of {all} addresses were read",
    ),
    (
        "header_charset",
        "the HTTP header names an unknown charset `{charset}`",
    ),
    (
        "own_charset",
        "the document names an unknown charset `{charset}`",
    ),
    (
        "header_says",
        "the HTTP header says {charset}, but the text is {found}",
    ),
    (
        "document_says",
        "the document says {charset}, but the text is {found}",
    ),
    ("bytes", "some bytes are no {charset}"),
    ("controls", "{count} control characters were taken out"),
    ("cut", "the document breaks off: what is whole was read"),
    // a list, and the pages it leads to
    ("item", "item {number} dropped: {problem}"),
    ("item_again", "the same as an earlier one"),
    ("item_beyond", "expected at most {limit}"),
    ("item_headline", "expected a headline, but got none"),
    (
        "item_link",
        "expected a link or a date for «{title}», but got {got}",
    ),
    ("items", "{count} more items dropped"),
    (
        "pages",
        "{count} pages were asked for; the rest are at the next poll",
    ),
    ("page", "{url}: {problem}; tried again at the next poll"),
    (
        "busy",
        "{host} is being asked already, or wants to be left alone for a while; its pages are read at the next poll",
    ),
    (
        "flood",
        "{count} new articles at once: they wait for a person to publish or drop them",
    ),
    (
        "renamed",
        "none of {count} articles is known, though they aren't news: they wait for a person to publish or drop them",
    ),
    ("more", "and {count} more"),
];
