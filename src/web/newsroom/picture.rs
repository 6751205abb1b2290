//! Two pictures for the gallery, drawn here so that nobody's photograph is needed. Out come PNG
//! files with a palette (W3C PNG, third edition), a few kilobytes each.

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

/// Red, green, blue.
type Colour = [u8; 3];

/// A field of wheat under a morning sky.
pub(super) fn field() -> Bytes {
    const PALETTE: [Colour; 7] = [
        [214, 230, 242],
        [190, 215, 234],
        [166, 199, 226],
        [250, 236, 190],
        [236, 205, 106],
        [224, 187, 76],
        [205, 165, 58],
    ];
    png(&PALETTE, |x, y| match y {
        _ if near(x, y, (460, 120), 48) => 3,
        ..90 => 2,
        90..150 => 1,
        150..210 => 0,
        _ => 4 + u8::try_from((y + x / 8) / 36 % 3).unwrap_or_default(),
    })
}

/// A herald's call: rings around a point.
pub(super) fn waves() -> Bytes {
    const PALETTE: [Colour; 4] = [
        [246, 242, 232],
        [225, 230, 232],
        [160, 188, 208],
        [44, 90, 130],
    ];
    png(&PALETTE, |x, y| {
        match (0..8).find(|n| near(x, y, (320, 180), 24 + n * 30)) {
            Some(0) => 3,
            Some(n) if n % 2 == 0 => 2,
            Some(_) => 1,
            None => 0,
        }
    })
}

fn near(x: u32, y: u32, centre: (u32, u32), radius: u32) -> bool {
    x.abs_diff(centre.0).pow(2) + y.abs_diff(centre.1).pow(2) <= radius.pow(2)
}

/// `paint` gives the number of a colour of the palette for each pixel.
fn png(palette: &[Colour], paint: impl Fn(u32, u32) -> u8) -> Bytes {
    const EIGHT_BITS_WITH_PALETTE: [u8; 5] = [8, 3, 0, 0, 0];
    let mut pixels = Vec::new();
    for y in 0..HEIGHT {
        pixels.push(0); // this row isn't filtered
        pixels.extend((0..WIDTH).map(|x| paint(x, y)));
    }
    let size = [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()];
    let header = [size.as_flattened(), &EIGHT_BITS_WITH_PALETTE].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", palette.as_flattened());
    chunk(&mut file, *b"IDAT", &zlib(&pixels));
    chunk(&mut file, *b"IEND", &[]);
    file.into()
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(&kind);
    sum.update(data);
    let length = u32::try_from(data.len()).unwrap_or_default();
    file.extend(length.to_be_bytes());
    file.extend(kind);
    file.extend(data);
    file.extend(sum.sum().to_be_bytes());
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(bytes.len() + 64);
    let status = Compress::new(Compression::best(), true).compress_vec(
        bytes,
        &mut packed,
        FlushCompress::Finish,
    );
    debug_assert!(
        matches!(status, Ok(Status::StreamEnd)),
        "there is room enough"
    );
    packed
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    #[test]
    fn pictures_are_small_and_whole() {
        for png in [field(), waves()] {
            assert!(png.len() < 12_000, "{} bytes", png.len());
            let data = png.windows(4).position(|four| four == b"IDAT").unwrap() + 4;
            let mut pixels = Vec::new();
            ZlibDecoder::new(&png[data..])
                .read_to_end(&mut pixels)
                .unwrap();
            assert_eq!(pixels.len(), 361 * 640 - 280);
        }
    }
}
