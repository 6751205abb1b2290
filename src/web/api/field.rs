//! What fields of bodies hold: each kind of text is checked by what its schema says, no more and no
//! less, so that the description is true.

use std::borrow::Cow;

use serde::Deserialize;
use serde::Serialize;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::KnownFormat;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;
use utoipa::openapi::SchemaFormat;
use utoipa::openapi::Type;

/// A field that holds text.
pub(super) trait Text {
    /// The text.
    fn as_str(&self) -> &str;
}

macro_rules! texts {
    ($($(#[$about:meta])* $name:ident($least:literal..=$most:literal, $pattern:expr, $example:literal, $sound:expr $(, $format:ident)?);)*) => {
        $($(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub(super) struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let length = text.chars().count();
                if !($least..=$most).contains(&length) {
                    return Err(format!("expected {} to {} characters, but got {length}", $least, $most));
                }
                let sound: fn(&str) -> bool = $sound;
                if sound(&text) {
                    // It means nothing, and PostgreSQL keeps none.
                    Ok(Self(text.replace('\0', "")))
                } else {
                    let got: String = text.chars().take(80).collect();
                    Err(format!("expected something like `{}`, but got `{got}`", $example))
                }
            }
        }

        impl Text for $name {
            fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let pattern: Option<&str> = $pattern;
                let schema = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some($least))
                    .max_length(Some($most))
                    .pattern(pattern)
                    $(.format(Some(SchemaFormat::KnownFormat(KnownFormat::$format))))?
                    .examples([serde_json::json!($example)]);
                schema.into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        })*
    };
}

const NAMED: Option<&str> = Some("[0-9A-Za-zА-Яа-яІіЇїЄєҐґ]");
const HTTP: Option<&str> = Some(
    r"^https?://[a-z][a-z0-9]{0,30}(\.[a-z][a-z0-9]{0,30}){1,4}(/[A-Za-z0-9._~-]{1,60}){0,6}(\?[a-z0-9=&]{1,60})?$",
);
const EMAIL: Option<&str> = Some(
    r"^[A-Za-z0-9_+-]{1,30}(\.[A-Za-z0-9_+-]{1,30})?@([a-z][a-z0-9]{0,30}\.){1,4}[a-z]{2,20}$",
);

texts! {
    /// What people call something: one line, with a letter or a digit in it.
    Name(1..=200, NAMED, "Щоденні новини", is_named);
    /// A headline.
    Headline(1..=500, NAMED, "Село Степове відкрило спортивний майданчик", is_named);
    /// Plain text.
    Plain(0..=2000, None, "Майданчик збудували за кошти громади.", |_| true);
    /// HTML; what isn't on the allow-list is taken out.
    Html(0..=500_000, None, "<p>Майданчик збудували за кошти громади.</p>", |_| true);
    /// A CSS selector.
    Css(1..=200, None, "article.news", |_| true);
    /// An http or https address.
    WebAddress(10..=2000, HTTP, "https://example.org/news/1", is_web_address);
    /// What identifies an article at its source.
    Guid(1..=200, Some("^[!-~]+$"), "press-2023-1190", |text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    /// A MIME type.
    Mime(3..=80, Some("^[a-z]{2,20}/[a-z0-9.+-]{1,59}$"), "image/jpeg", is_mime);
    /// A BCP 47 tag.
    Tag(2..=6, Some("^[a-z]{2,3}(-[A-Z]{2})?$"), "uk", is_tag);
    /// An e-mail address.
    Email(6..=254, EMAIL, "olena@example.org", |text| text.parse::<crate::audience::EmailAddress>().is_ok());
    /// A name in addresses.
    SlugText(1..=60, Some("^[a-z0-9]+(-[a-z0-9]+)*$"), "all-news", |text| text.parse::<crate::audience::list::Slug>().is_ok());
    /// Who letters come from, as mail programs show it.
    SenderName(1..=80, Some("^[0-9A-Za-zА-Яа-яІіЇїЄєҐґ]([0-9A-Za-zА-Яа-яІіЇїЄєҐґ ’-]*[0-9A-Za-zА-Яа-яІіЇїЄєҐґ])?$"), "Вісник", is_sender_name);
    /// What a key is called; the audit log names it so.
    KeyName(1..=60, NAMED, "newsroom", is_named);
    /// A template in minijinja's language.
    TemplateText(0..=100_000, None, "{{ site.name }}: {{ title }}", |_| true);
    /// What an editor says before the articles, in plain text.
    Introduction(0..=4000, None, "Добрий день! Ось головне за тиждень.", |_| true);
    /// A moment by RFC 3339, with its offset.
    Moment(20..=40, None, "2023-06-26T17:07:00+03:00", |text| chrono::DateTime::parse_from_rfc3339(text).is_ok(), DateTime);
}

impl Moment {
    /// The same as a date.
    pub(super) fn date(&self) -> Option<chrono::DateTime<chrono::FixedOffset>> {
        chrono::DateTime::parse_from_rfc3339(&self.0).ok()
    }
}

fn is_letter_or_digit(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || ('А'..='я').contains(&sign) || "ІіЇїЄєҐґ".contains(sign)
}

fn is_named(text: &str) -> bool {
    text.chars().any(is_letter_or_digit)
}

fn is_sender_name(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().next_back()];
    ends.iter().flatten().copied().all(is_letter_or_digit)
        && text
            .chars()
            .all(|sign| is_letter_or_digit(sign) || " ’-".contains(sign))
}

fn is_web_address(text: &str) -> bool {
    text.parse::<crate::article::Permalink>().is_ok()
}

fn is_mime(text: &str) -> bool {
    let Some((kind, rest)) = text.split_once('/') else {
        return false;
    };
    (2..=20).contains(&kind.len())
        && kind.bytes().all(|byte| byte.is_ascii_lowercase())
        && (1..60).contains(&rest.len())
        && rest.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte)
        })
}

fn is_tag(text: &str) -> bool {
    let (language, country) = text
        .split_once('-')
        .map_or((text, None), |(language, country)| {
            (language, Some(country))
        });
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && country.is_none_or(|country| {
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
        })
}

/// A zone of the IANA database.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Zone(pub(super) chrono_tz::Tz);

impl TryFrom<String> for Zone {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let shown: String = text.chars().take(40).collect();
        let bad = |_| format!("expected a zone such as `Europe/Kyiv`, but got `{shown}`");
        text.parse().map(Self).map_err(bad)
    }
}

impl PartialSchema for Zone {
    fn schema() -> RefOr<Schema> {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .examples([serde_json::json!("Europe/Kyiv")])
            .into()
    }
}

impl ToSchema for Zone {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Zone")
    }
}

/// A number within bounds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Number")]
pub(super) struct Within<const LEAST: i64, const MOST: i64>(pub(super) i64);

impl<const LEAST: i64, const MOST: i64> TryFrom<serde_json::Number> for Within<LEAST, MOST> {
    type Error = String;
    fn try_from(number: serde_json::Number) -> Result<Self, String> {
        whole(&number)
            .filter(|number| (LEAST..=MOST).contains(number))
            .map(Self)
            .ok_or_else(|| {
                format!("expected a whole number from {LEAST} to {MOST}, but got {number}")
            })
    }
}

/// To JSON Schema, `3.0` is as whole as `3`.
fn whole(number: &serde_json::Number) -> Option<i64> {
    let text = number.to_string();
    let text = text.strip_suffix(".0").unwrap_or(&text);
    text.parse().ok()
}

impl<const LEAST: i64, const MOST: i64> PartialSchema for Within<LEAST, MOST> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(LEAST))
            .maximum(Some(MOST))
            .into()
    }
}

impl<const LEAST: i64, const MOST: i64> ToSchema for Within<LEAST, MOST> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("From{LEAST}To{MOST}"))
    }
}

/// How many of something one body may hold.
pub(super) const FEW: usize = 20;

/// A list of at most twenty of something.
macro_rules! few {
    ($($(#[$about:meta])* $name:ident of $one:ident;)*) => {
        $($(#[$about])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(try_from = "Vec<_>")]
        pub(super) struct $name(pub(super) Vec<$one>);

        impl TryFrom<Vec<$one>> for $name {
            type Error = String;
            fn try_from(all: Vec<$one>) -> Result<Self, String> {
                let (most, count) = ($crate::web::api::field::FEW, all.len());
                if count > most {
                    return Err(format!("expected at most {most}, but got {count}"));
                }
                Ok(Self(all))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ArrayBuilder::new()
                    .items(utoipa::openapi::Ref::from_schema_name(<$one as utoipa::ToSchema>::name()))
                    .max_items(Some($crate::web::api::field::FEW))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(all: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                let name = <$one as utoipa::ToSchema>::name().into_owned();
                all.push((name, <$one as utoipa::PartialSchema>::schema()));
                <$one as utoipa::ToSchema>::schemas(all);
            }
        })*
    };
}
pub(super) use few;

few! {
    /// Names of topics, departments or people.
    Names of Name;
}
