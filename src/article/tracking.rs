//! Query parameters that only follow people around: an address with them in, one without out.

use url::Url;

/// Names of query parameters that only follow people around, beside those that begin with
/// [`TRACKING_PREFIXES`].
const TRACKING: &[&str] = &[
    "__hssc",
    "__hstc",
    "__twitter_impression",
    "_hsenc",
    "_hsmi",
    "_openstat",
    "dclid",
    "epik",
    "fb_action_ids",
    "fb_action_types",
    "fb_ref",
    "fb_source",
    "fbclid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "igsh",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "msclkid",
    "oly_anon_id",
    "oly_enc_id",
    "rb_clickid",
    "rdt_cid",
    "ref_src",
    "ref_url",
    "s_cid",
    "srsltid",
    "ttclid",
    "twclid",
    "vero_conv",
    "vero_id",
    "wbraid",
    "wickedid",
    "yclid",
    "ysclid",
];

/// Families of such parameters, as mailing and measuring systems name them.
const TRACKING_PREFIXES: &[&str] = &["hsa_", "matomo_", "mtm_", "piwik_", "pk_", "utm_"];

/// Takes the parameters that only follow people around out of the address.
pub(crate) fn without_tracking(url: &mut Url) {
    let Some(query) = url.query() else { return };
    let tracks = |pair: &&str| {
        let name = pair
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        TRACKING.binary_search(&name.as_str()).is_ok()
            || TRACKING_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    if query.split('&').any(|pair| tracks(&pair)) {
        let kept: Vec<&str> = query.split('&').filter(|pair| !tracks(pair)).collect();
        let kept = kept.join("&");
        url.set_query((!kept.is_empty()).then_some(kept.as_str()));
    }
}
