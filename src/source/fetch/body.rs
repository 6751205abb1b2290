//! A body on its way in: timed, unpacked and counted chunk by chunk, so that neither a slow
//! drip nor a compression bomb costs more than its limit. In goes a response, out come bytes.

use std::io::{self, Write};

use brotli::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use tokio::time::{Instant, timeout, timeout_at};

use super::Limits;
use super::error::{FetchError, Phase};

/// Below this many bytes the ratio isn't looked at: a short text can pack very well.
const RATIO_FROM: usize = 1024 * 1024;

/// Windows beyond 8 MiB (2^23) needn't be supported (RFC 8878 §3.1.1.1.2).
const ZSTD_WINDOW_LOG: u32 = 23;

/// What the fetcher can unpack, for `Accept-Encoding`.
pub(super) const CODINGS: &str = "gzip, br, zstd, deflate";

/// The whole body, unpacked.
pub(super) async fn read(response: Response, limits: &Limits) -> Result<Vec<u8>, FetchError> {
    let too_large = FetchError::TooLarge {
        limit: limits.bytes,
    };
    if response
        .content_length()
        .is_some_and(|length| length > limits.bytes as u64)
    {
        return Err(too_large);
    }
    let late = |_| FetchError::Timeout { phase: Phase::Body };
    timeout(limits.body, pour(response, limits))
        .await
        .map_err(late)?
}

async fn pour(mut response: Response, limits: &Limits) -> Result<Vec<u8>, FetchError> {
    let coding = Coding::of(&response)?;
    let mut decoder = Decoder::Waiting(coding, Sink::new(limits));
    let mut stretch_ends = Instant::now() + limits.stretch;
    let mut came = 0;
    loop {
        match timeout_at(stretch_ends, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                came += chunk.len();
                decoder = decoder.take(&chunk)?;
            }
            Ok(Ok(None)) => return decoder.finish(),
            Ok(Err(error)) => return Err(FetchError::of_body(&error)),
            Err(_) if came < limits.stretch_bytes => {
                return Err(FetchError::Timeout { phase: Phase::Pace });
            }
            Err(_) => {
                stretch_ends += limits.stretch;
                came = 0;
            }
        }
    }
}

/// How the body is packed.
#[derive(Debug, Clone, Copy)]
enum Coding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// Two codings on top of each other are refused: nobody needs them but a bomb.
    fn of(response: &Response) -> Result<Self, FetchError> {
        let named: Vec<String> = response
            .headers()
            .get_all(CONTENT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != "identity")
            .collect();
        match named.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Self::Plain),
            ["gzip" | "x-gzip"] => Ok(Self::Gzip),
            ["deflate"] => Ok(Self::Deflate),
            ["br"] => Ok(Self::Brotli),
            ["zstd"] => Ok(Self::Zstd),
            _ => Err(FetchError::Encoding(
                named.join(", ").chars().take(100).collect(),
            )),
        }
    }

    /// `deflate` means zlib, yet some servers send the bare stream; the first byte tells.
    fn decoder(self, first: u8, sink: Sink) -> io::Result<Decoder> {
        Ok(match self {
            Self::Plain => Decoder::Plain(sink),
            Self::Gzip => Decoder::Gzip(MultiGzDecoder::new(sink)),
            Self::Deflate if first & 0x0f == 8 => Decoder::Zlib(ZlibDecoder::new(sink)),
            Self::Deflate => Decoder::Deflate(DeflateDecoder::new(sink)),
            Self::Brotli => Decoder::Brotli(Box::new(DecompressorWriter::new(sink, 16 * 1024))),
            Self::Zstd => {
                let mut decoder = zstd::stream::write::Decoder::new(sink)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Decoder::Zstd(decoder)
            }
        })
    }
}

enum Decoder {
    /// Nothing has come yet.
    Waiting(Coding, Sink),
    Plain(Sink),
    Gzip(MultiGzDecoder<Sink>),
    Zlib(ZlibDecoder<Sink>),
    Deflate(DeflateDecoder<Sink>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(zstd::stream::write::Decoder<'static, Sink>),
}

impl Decoder {
    fn take(self, chunk: &[u8]) -> Result<Self, FetchError> {
        let mut decoder = match (self, chunk.first()) {
            (Self::Waiting(coding, sink), Some(first)) => coding
                .decoder(*first, sink)
                .map_err(FetchError::of_decoder)?,
            (decoder, _) => decoder,
        };
        decoder.sink().packed += chunk.len();
        decoder
            .writer()
            .write_all(chunk)
            .map_err(FetchError::of_decoder)?;
        Ok(decoder)
    }

    fn finish(self) -> Result<Vec<u8>, FetchError> {
        let sink = match self {
            Self::Waiting(_, sink) | Self::Plain(sink) => Ok(sink),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zlib(decoder) => decoder.finish(),
            Self::Deflate(decoder) => decoder.finish(),
            Self::Brotli(mut decoder) => match decoder.close() {
                Ok(()) => Ok(std::mem::take(decoder.get_mut())),
                Err(error) => Err(error),
            },
            Self::Zstd(mut decoder) => decoder.flush().map(|()| decoder.into_inner()),
        };
        sink.map(|sink| sink.bytes).map_err(FetchError::of_decoder)
    }

    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Waiting(_, sink) | Self::Plain(sink) => sink,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Waiting(_, sink) | Self::Plain(sink) => sink,
            Self::Gzip(decoder) => decoder,
            Self::Zlib(decoder) => decoder,
            Self::Deflate(decoder) => decoder,
            Self::Brotli(decoder) => decoder,
            Self::Zstd(decoder) => decoder,
        }
    }
}

/// Where unpacked bytes end up. It refuses those beyond its limits, which stops the decoder.
#[derive(Default)]
struct Sink {
    bytes: Vec<u8>,
    packed: usize,
    limit: usize,
    ratio: usize,
}

impl Sink {
    fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.bytes,
            ratio: limits.ratio,
            ..Self::default()
        }
    }
}

impl Write for Sink {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + more.len();
        if length > self.limit {
            return Err(io::Error::other(FetchError::TooLarge { limit: self.limit }));
        }
        if length > RATIO_FROM && length > self.packed.saturating_mul(self.ratio) {
            return Err(io::Error::other(FetchError::Ratio { limit: self.ratio }));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
