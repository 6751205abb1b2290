//! A provider of `OpenID` Connect that does as it's told: right at first, and wrong in whatever a test
//! wants. It checks what a provider must: who we are, PKCE, where a code is sent back to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::KeyPair;
use aws_lc_rs::signature::RsaKeyPair;
use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;
use url::Url;

use crate::support::peer::Came;
use crate::support::peer::Peer;
use crate::support::peer::status;

/// What it calls us, and what we prove that by.
pub(crate) const CLIENT: &str = "visnyk";
pub(crate) const CLIENT_SECRET: &str = "what only the two of us know";

/// A key of its own.
pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Curve(EcdsaKeyPair),
    /// What stands where a signature should.
    Nothing,
    /// A key that we know too.
    Shared,
}

impl Key {
    pub(crate) fn rsa() -> Arc<Self> {
        Arc::new(Self::Rsa(
            RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap(),
        ))
    }

    pub(crate) fn curve() -> Arc<Self> {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING);
        Arc::new(Self::Curve(pair.unwrap()))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Curve(_) => "ES256",
            Self::Nothing => "none",
            Self::Shared => "HS256",
        }
    }

    fn published(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(pair) => {
                // Of 2048 bits, so its parts lie where they do (RFC 8017, A.1.1).
                let der = pair.public_key().as_ref();
                let (n, e) = (&der[9..265], &der[267..]);
                json!({ "kty": "RSA", "use": "sig", "kid": id, "n": text(n), "e": text(e) })
            }
            Self::Curve(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": text(x), "y": text(y) })
            }
            Self::Nothing | Self::Shared => Value::Null,
        }
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let (random, text) = (SystemRandom::new(), text.as_bytes());
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, text, &mut signature)
                    .unwrap();
                signature
            }
            Self::Curve(pair) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Self::Nothing => Vec::new(),
            Self::Shared => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
                hmac::sign(&key, text).as_ref().to_vec()
            }
        }
    }
}

/// What it does.
pub(crate) struct Manner {
    /// Keys that it publishes, by their names.
    pub(crate) published: Vec<(&'static str, Arc<Key>)>,
    /// The one that it signs with, and what it calls it.
    pub(crate) signs: (&'static str, Arc<Key>),
    /// Claims over those that are right; null takes one away.
    pub(crate) claims: Value,
    /// What it says of itself, over what is right.
    pub(crate) metadata: Value,
    /// What its page about somebody says; nobody may ask while it's null.
    pub(crate) person: Value,
    /// Whether it answers the code with no ID token.
    pub(crate) keeps_token: bool,
}

struct Grant {
    query: HashMap<String, String>,
    now: i64,
}

#[derive(Clone)]
struct Shared {
    url: String,
    manner: Arc<Mutex<Manner>>,
    grants: Arc<Mutex<HashMap<String, Grant>>>,
}

/// The provider. It ends when it is dropped.
pub(crate) struct Provider {
    pub(crate) peer: Peer,
    shared: Shared,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let peer = Peer::answering(|_| status(503)).await;
        let key = Key::rsa();
        let manner = Manner {
            published: vec![("first", Arc::clone(&key))],
            signs: ("first", key),
            claims: json!({}),
            metadata: json!({}),
            person: Value::Null,
            keeps_token: false,
        };
        let shared = Shared {
            url: peer.url.clone(),
            manner: Arc::new(Mutex::new(manner)),
            grants: Arc::default(),
        };
        let provider = Self { peer, shared };
        provider.come_back();
        provider
    }

    /// Answers again, after it was told to do otherwise.
    pub(crate) fn come_back(&self) {
        let shared = self.shared.clone();
        self.peer.answer(move |came| shared.answer(came));
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.shared.url
    }

    /// What it signs with.
    pub(crate) fn key(&self) -> Arc<Key> {
        Arc::clone(&self.shared.manner.lock().unwrap().signs.1)
    }

    /// From now on it does so.
    pub(crate) fn be(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.shared.manner.lock().unwrap());
    }

    /// Somebody agrees, at the address that we sent them to: where the provider sends them back to.
    pub(crate) fn agree(&self, there: &str, now: i64) -> String {
        let query = query_of(there);
        assert!(
            there.starts_with(&format!("{}/authorize?", self.issuer())),
            "{there}"
        );
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["scope"], "openid email");
        let code = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, there.as_bytes()));
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"]);
        let grant = Grant { query, now };
        self.shared.grants.lock().unwrap().insert(code, grant);
        back.into()
    }
}

/// The fields of an address's query.
pub(crate) fn query_of(url: &str) -> HashMap<String, String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().into_owned().collect()
}

fn over(mut right: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        right[name] = value.clone();
    }
    right
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    right
}

fn half_hash(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

impl Shared {
    fn answer(&self, came: &Came) -> Response {
        match came.uri.path() {
            "/.well-known/openid-configuration" => self.metadata(),
            "/keys" => self.keys(),
            "/token" => self.token(came),
            "/person" => self.person(came),
            _ => status(404),
        }
    }

    fn metadata(&self) -> Response {
        let url = &self.url;
        let right = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/person"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        });
        Json(over(right, &self.manner.lock().unwrap().metadata)).into_response()
    }

    fn keys(&self) -> Response {
        let manner = self.manner.lock().unwrap();
        let keys = manner.published.iter().map(|(id, key)| key.published(id));
        let keys: Vec<Value> = keys.collect();
        drop(manner);
        Json(json!({ "keys": keys })).into_response()
    }

    fn token(&self, came: &Came) -> Response {
        let refused = |why: &str| {
            let said = Json(json!({ "error": why }));
            (StatusCode::BAD_REQUEST, said).into_response()
        };
        // RFC 6749 §2.3.1: both parts as in a form, then joined.
        let form =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let us = STANDARD.encode(format!("{}:{}", form(CLIENT), form(CLIENT_SECRET)));
        if came.header("authorization") != format!("Basic {us}") {
            return refused("invalid_client");
        }
        let grant = self.grants.lock().unwrap().remove(&came.field("code"));
        let Some(Grant { query, now }) = grant else {
            return refused("invalid_grant");
        };
        let proof = digest::digest(&digest::SHA256, came.field("code_verifier").as_bytes());
        let is_theirs = URL_SAFE_NO_PAD.encode(proof) == query["code_challenge"]
            && came.field("redirect_uri") == query["redirect_uri"]
            && came.field("grant_type") == "authorization_code";
        if !is_theirs {
            return refused("invalid_grant");
        }
        let manner = self.manner.lock().unwrap();
        let access = "what opens the page about them";
        let mut said = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300 });
        if !manner.keeps_token {
            said["id_token"] = self
                .id_token(&manner, (&query["nonce"], access), now)
                .into();
        }
        drop(manner);
        Json(said).into_response()
    }

    fn id_token(&self, manner: &Manner, (nonce, access): (&str, &str), now: i64) -> String {
        let right = json!({
            "iss": self.url,
            "sub": "1001",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": half_hash(access),
            "email": "owner@example.org",
            "email_verified": true,
        });
        let claims = over(right, &manner.claims);
        let (id, key) = &manner.signs;
        let header = json!({ "alg": key.algorithm(), "kid": id, "typ": "JWT" });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(key.sign(&signed));
        format!("{signed}.{signature}")
    }

    fn person(&self, came: &Came) -> Response {
        let manner = self.manner.lock().unwrap();
        let may = came.header("authorization") == "Bearer what opens the page about them";
        if may && !manner.person.is_null() {
            Json(manner.person.clone()).into_response()
        } else {
            status(401)
        }
    }
}
