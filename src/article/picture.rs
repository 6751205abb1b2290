//! Pictures of our own: a stranger's bytes in, JPEG files of two widths out, and a body whose
//! pictures are those.
//!
//! A file is decoded within limits of pixels and memory, turned as its camera was held, put on
//! white and written anew: whatever else it held (places, comments, tricks) is gone. Never makes a
//! picture larger than it was.

use std::collections::BTreeMap;
use std::io::Cursor;

use image::DynamicImage;
use image::ImageDecoder;
use image::ImageReader;
use image::Limits;
use image::Rgba;
use image::RgbaImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops;
use image::imageops::FilterType;
use serde::Deserialize;
use serde::Serialize;

use crate::article::Media;
use crate::article::clean::SafeHtml;

/// For pages, and for lists and letters: pixels across.
pub const WIDTHS: [u32; 2] = [1200, 640];

/// Pixels along one side: nobody's photograph has more.
const MOST_SIDE: u32 = 16_000;
/// Bytes that decoding may take.
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// Icons and counters are no pictures.
const LEAST_SIDE: u32 = 32;
/// Of 100: photographs look the same, and are a tenth of the size.
const QUALITY: u8 = 82;

/// A picture that we hold: how its files are called, and the size of the larger one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The beginning of its files' names.
    pub key: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Held {
    /// The name of the file of one width of [`WIDTHS`].
    pub fn file(&self, width: u32) -> String {
        format!("{}-{width}.jpg", self.key)
    }

    /// Where a width of it is, under `base_url`.
    pub fn url(&self, base_url: &str, width: u32) -> String {
        format!("{base_url}/pictures/{}", self.file(width))
    }
}

/// What is held of an article's pictures, by the source's address.
pub type Pictures = BTreeMap<String, Held>;

/// Why bytes are no picture for us.
#[derive(Debug, thiserror::Error)]
pub enum BadPicture {
    /// It can't be decoded, or not within the limits.
    #[error("expected a JPEG, PNG, GIF or WebP picture, but got: {0}")]
    Unreadable(#[from] image::ImageError),
    /// It can't even be looked at.
    #[error("expected a picture, but got: {0}")]
    Io(#[from] std::io::Error),
    /// It's an icon or a counter.
    #[error("expected a picture of at least {LEAST_SIDE} pixels a side, but got {0} × {1}")]
    Small(u32, u32),
}

/// A picture drawn anew: its files in the order of [`WIDTHS`].
#[derive(Debug)]
pub struct Drawn {
    /// JPEG.
    pub files: Vec<Vec<u8>>,
    /// Pixels of the first.
    pub width: u32,
    /// Pixels of the first.
    pub height: u32,
}

/// Draws a picture anew. Takes up to a second of a core, so never on an async thread.
pub fn draw(bytes: &[u8]) -> Result<Drawn, BadPicture> {
    let picture = on_white(decode(bytes)?);
    let (mut files, mut size) = (Vec::new(), (0, 0));
    for width in WIDTHS {
        let drawn = narrowed(&picture, width);
        if files.is_empty() {
            size = (drawn.width(), drawn.height());
        }
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, QUALITY).encode_image(&drawn)?;
        files.push(file);
    }
    Ok(Drawn {
        files,
        width: size.0,
        height: size.1,
    })
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, BadPicture> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if width.min(height) < LEAST_SIDE {
        return Err(BadPicture::Small(width, height));
    }
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// JPEG knows no transparency: what is seen through is paper.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into();
    }
    let picture = picture.into_rgba8();
    let paper = Rgba([255, 255, 255, 255]);
    let mut sheet = RgbaImage::from_pixel(picture.width(), picture.height(), paper);
    imageops::overlay(&mut sheet, &picture, 0, 0);
    DynamicImage::from(sheet).into_rgb8().into()
}

fn narrowed(picture: &DynamicImage, width: u32) -> DynamicImage {
    if picture.width() <= width {
        return picture.clone();
    }
    picture.resize(width, u32::MAX, FilterType::Triangle)
}

/// The addresses of all pictures of an article: its media, and those in its body.
pub fn addresses(media: &[Media], html: &SafeHtml) -> Vec<String> {
    let of_media = media
        .iter()
        .filter(|media| media.is_image())
        .map(|media| media.url.clone());
    let mut addresses: Vec<String> = of_media.collect();
    for tag in tags(html.as_str()) {
        if let Tag::Picture { source, .. } = tag
            && !addresses.contains(&source)
        {
            addresses.push(source);
        }
    }
    addresses
}

/// The body with our own pictures in place of the source's; those that we don't hold are left out.
pub fn with_own(html: &SafeHtml, pictures: &Pictures, base_url: &str) -> SafeHtml {
    if !html.as_str().contains("<img") {
        return html.clone();
    }
    html.readdressed(|html| readdressed(html, pictures, base_url))
}

fn readdressed(html: &str, pictures: &Pictures, base_url: &str) -> String {
    let mut own = String::with_capacity(html.len());
    for tag in tags(html) {
        match tag {
            Tag::Other(text) => own.push_str(text),
            Tag::Picture {
                before,
                source,
                after,
            } => {
                let Some(held) = pictures.get(&source) else {
                    continue;
                };
                own.push_str(before);
                own.push_str(&held.url(base_url, WIDTHS[0]));
                own.push_str(after);
            }
        }
    }
    own
}

/// A piece of cleaned HTML.
enum Tag<'a> {
    /// Anything but a picture.
    Other(&'a str),
    /// `<img … src="`, the address unescaped, `" …>`.
    Picture {
        before: &'a str,
        source: String,
        after: &'a str,
    },
}

/// Cleaned HTML is written by a serializer: attributes are in double quotes, and quotes in them are
/// escaped.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find("<img") {
        let (before, picture) = rest.split_at(at);
        tags.push(Tag::Other(before));
        let (picture, after) = picture.split_at(end_of_tag(picture));
        tags.push(opened(picture));
        rest = after;
    }
    tags.push(Tag::Other(rest));
    tags
}

fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for (at, sign) in tag.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            '>' if !quoted => return at + 1,
            _ => {}
        }
    }
    tag.len()
}

/// One without an address shows nothing, and goes.
fn opened(tag: &str) -> Tag<'_> {
    let Some(begin) = tag.find(" src=\"").map(|at| at + " src=\"".len()) else {
        return Tag::Other("");
    };
    let (before, rest) = tag.split_at(begin);
    let end = rest.find('"').unwrap_or(rest.len());
    let (source, after) = rest.split_at(end);
    Tag::Picture {
        before,
        source: source
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&"),
        after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::clean::clean;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbaImage::from_fn(width, height, |x, y| {
            Rgba([
                u8::try_from(x % 256).unwrap(),
                u8::try_from(y % 256).unwrap(),
                90,
                128,
            ])
        });
        DynamicImage::from(picture)
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_drawn_in_two_widths_and_never_larger() {
        let drawn = draw(&png(1800, 900)).unwrap();
        assert_eq!((drawn.width, drawn.height), (1200, 600));
        let widths: Vec<u32> = drawn
            .files
            .iter()
            .map(|file| image::load_from_memory(file).unwrap().width())
            .collect();
        assert_eq!(widths, WIDTHS);
        let small = draw(&png(100, 50)).unwrap();
        assert_eq!((small.width, small.height), (100, 50));
    }

    #[test]
    fn what_is_no_picture_or_a_bomb_is_refused() {
        assert!(matches!(draw(b"<svg/>"), Err(BadPicture::Unreadable(_))));
        assert!(matches!(draw(&png(1, 1)), Err(BadPicture::Small(1, 1))));
        assert!(draw(&png(64, 64)[..200]).is_err());
        // The header promises 60,000 × 60,000 pixels.
        let mut bomb = png(64, 64);
        bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
        assert!(matches!(draw(&bomb), Err(BadPicture::Unreadable(_))));
    }

    #[test]
    fn a_body_shows_our_own_pictures_and_no_others() {
        let html = clean(
            "<p>До <img alt=\"a > b\" src=\"https://s.example/1.jpg?a=1&b=2\"> між \
             <img src='https://s.example/2.jpg'> по</p>",
            None,
        );
        let media = Media {
            url: "https://s.example/2.jpg".into(),
            mime: Some("image/jpeg".into()),
            length: None,
            width: None,
            height: None,
            caption: None,
        };
        assert_eq!(
            addresses(&[media], &html),
            ["https://s.example/2.jpg", "https://s.example/1.jpg?a=1&b=2"]
        );
        let held = Held {
            key: "k".into(),
            width: 10,
            height: 10,
        };
        let pictures = Pictures::from([("https://s.example/1.jpg?a=1&b=2".to_owned(), held)]);
        let own = with_own(&html, &pictures, "https://our.example");
        let own = own.as_str();
        assert!(
            own.contains("src=\"https://our.example/pictures/k-1200.jpg\""),
            "{own}"
        );
        assert!(!own.contains("s.example"), "{own}");
        assert!(
            own.contains("До") && own.contains(" між ") && own.contains(" по"),
            "{own}"
        );
    }
}
