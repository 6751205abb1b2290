//! One letter over an open session: MAIL, RCPT and DATA, the letter, its end.
//!
//! Where the relay announces PIPELINING (RFC 2920) the three commands go in one write and a letter
//! costs two round trips; otherwise four. The letter's end is a write of its own, so that somebody
//! may have to do something first, and where the next letter is known its three commands ride with it
//! (RFC 2920 §3.1): then a letter costs one round trip. Refusals leave the session in step: RSET, or a lone dot where DATA was let through after a
//! refused RCPT.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use memchr::memchr_iter;
use tokio::time::timeout;

use crate::delivery::Attempt;
use crate::delivery::Blame;
use crate::delivery::Envelope;
use crate::delivery::Outcome;
use crate::delivery::Phase;
use crate::delivery::smtp::Announced;
use crate::delivery::smtp::Session;
use crate::delivery::smtp::attempt;
use crate::delivery::smtp::reply::Reply;
use crate::delivery::smtp::too_late;

/// What a letter came to, and how.
type Told = (Outcome, Attempt);

/// The server says goodbye with this at any point, and closes.
const CLOSING: u16 = 421;

impl Session {
    /// What goes over the wire, if this letter may go over this session at all.
    pub(super) fn admit<'a>(
        &self,
        envelope: &Envelope,
        letter: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, (Phase, Blame, String)> {
        self.fit(envelope, letter.len())?;
        stuffed(letter).map_err(|words| (Phase::Body, Blame::Letter, words))
    }

    /// Whether a letter of this size may be announced over this session.
    pub(super) fn fit(
        &self,
        envelope: &Envelope,
        size: usize,
    ) -> Result<(), (Phase, Blame, String)> {
        let from = fit_address(&envelope.from);
        from.map_err(|words| (Phase::Mail, Blame::Letter, format!("sender: {words}")))?;
        let to = match envelope.to.as_str() {
            "" => Err("expected an address, but got nothing".to_owned()),
            to => fit_address(to),
        };
        to.map_err(|words| (Phase::Rcpt, Blame::Recipient, words))?;
        if let Some(most) = self.size.filter(|most| size > *most) {
            let words = format!("expected a letter of at most `{most}` bytes, but got `{size}`");
            return Err((Phase::Mail, Blame::Letter, words));
        }
        Ok(())
    }

    pub(super) async fn announce_in_turn(
        &mut self,
        envelope: &Envelope,
        size: usize,
    ) -> Result<(), Told> {
        let commands = self.commands(envelope, size);
        for ((phase, limit), command) in self.steps().into_iter().zip(commands) {
            match self.ask(&command, limit).await {
                Ok(reply) if reply.suits(phase) => {}
                Ok(reply) => return Err(self.decline(phase, reply, false).await),
                Err(words) => return Err(self.lost(phase, words)),
            }
        }
        self.in_step()
    }

    /// Says all three, and reads the answers.
    pub(super) async fn announce_at_once(
        &mut self,
        envelope: &Envelope,
        size: usize,
    ) -> Result<(), Told> {
        let commands = self.commands(envelope, size).concat();
        self.asked += 2;
        self.hear_announced(Some(commands)).await
    }

    /// Reads the three answers to what was said, or is said now.
    pub(super) async fn hear_announced(&mut self, commands: Option<String>) -> Result<(), Told> {
        let mut commands = commands;
        let mut refusal: Option<(Phase, Reply)> = None;
        let mut open = false;
        for (phase, limit) in self.steps() {
            let reply = match commands.take() {
                Some(commands) => self.ask(&commands, limit).await,
                None => self.next_reply(limit).await,
            };
            match (reply, refusal.take()) {
                (Ok(reply), held) if reply.suits(phase) => {
                    open = phase == Phase::Data;
                    refusal = held;
                }
                (Ok(reply), held) => refusal = held.or(Some((phase, reply))),
                // A refusal stands, whatever became of the connection after it.
                (Err(_), Some((phase, reply))) => return Err(self.judged(phase, reply)),
                (Err(words), None) => return Err(self.lost(phase, words)),
            }
        }
        match refusal {
            None => self.in_step(),
            Some((phase, reply)) => Err(self.decline(phase, reply, open).await),
        }
    }

    /// Sends a letter's text, and nothing after it.
    pub(super) async fn write_text(&self, text: &[u8]) -> Result<(), Told> {
        let limit = self.limits.body;
        match timeout(limit, self.wire.write(text)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(Phase::Body, error.to_string())),
            Err(_) => Err(self.lost(Phase::Body, too_late(limit))),
        }
    }

    /// Sends the letter's end, and reads the answer that counts. The `next` one is announced in the
    /// same breath; its answers are read when its turn comes.
    pub(super) async fn send_end(&mut self, next: Option<Announced>) -> Told {
        if self.wire.is_closed().await {
            return self.lost(Phase::Body, CLOSED.to_owned());
        }
        if let Err(told) = self.in_step() {
            return told;
        }
        let mut wire = END.to_owned();
        let end_of_letter = self.wire.written() + wire.len();
        self.asked += 1;
        if let Some(next) = &next {
            for command in self.commands(&next.envelope, next.size) {
                wire.push_str(&command);
            }
            self.asked += 3;
        }
        let result = self.write_and_hear(&wire, end_of_letter).await;
        match result {
            Ok(reply) if reply.suits(Phase::EndOfData) => {
                self.usable = !self.has_surplus();
                self.announced = next;
                let accepted = self.tried(Phase::EndOfData, &Ok(reply));
                (Outcome::Accepted, accepted)
            }
            Ok(reply) => {
                // After a yes or a no the session is where it began; no RSET is needed.
                self.usable = reply.code / 100 > 3 && reply.code != CLOSING && !self.has_surplus();
                self.announced = next;
                self.judged(Phase::EndOfData, reply)
            }
            // Without its last byte the relay can't have seen the letter's end.
            Err(words) if self.wire.written() < end_of_letter => self.lost(Phase::Body, words),
            Err(words) => {
                let doubtful = self.tried(Phase::EndOfData, &Err(words));
                (Outcome::Uncertain, doubtful)
            }
        }
    }

    async fn write_and_hear(&mut self, wire: &str, end_of_letter: usize) -> Result<Reply, String> {
        let (body, end) = (self.limits.body, self.limits.end_of_data);
        let mut sending = pin!(self.connection.command(wire));
        match timeout(body, sending.as_mut()).await {
            Ok(result) => Reply::read(result),
            Err(_) if self.wire.written() < end_of_letter => Err(too_late(body)),
            Err(_) => match timeout(end, sending).await {
                Ok(result) => Reply::read(result),
                Err(_) => Err(too_late(end)),
            },
        }
    }

    /// Says one thing and reads one reply.
    pub(super) async fn ask(&mut self, command: &str, limit: Duration) -> Result<Reply, String> {
        self.asked += 1;
        match timeout(limit, self.connection.command(command)).await {
            Ok(result) => Reply::read(result),
            Err(_) => Err(too_late(limit)),
        }
    }

    async fn next_reply(&mut self, limit: Duration) -> Result<Reply, String> {
        match timeout(limit, self.connection.read_response()).await {
            Ok(result) => Reply::read(result),
            Err(_) => Err(too_late(limit)),
        }
    }

    /// Whether more replies came in than we asked for: the next one would answer something else.
    pub(super) fn has_surplus(&self) -> bool {
        self.wire.replies() > self.asked
    }

    /// Before the letter goes, and before its end: the next reply must be the answer to its end.
    fn in_step(&self) -> Result<(), Told> {
        if self.has_surplus() {
            return Err(self.lost(Phase::Data, SURPLUS.to_owned()));
        }
        Ok(())
    }

    pub(super) fn tried(&self, phase: Phase, reply: &Result<Reply, String>) -> Attempt {
        attempt(phase, &self.host, reply)
    }

    fn judged(&self, phase: Phase, reply: Reply) -> Told {
        (reply.verdict(phase), self.tried(phase, &Ok(reply)))
    }

    /// The connection failed before the letter's end could have been sent.
    fn lost(&self, phase: Phase, words: String) -> Told {
        (Outcome::Deferred, self.tried(phase, &Err(words)))
    }

    /// Takes a refusal, and brings the session back to where a letter may begin. `open`: DATA was
    /// let through all the same.
    async fn decline(&mut self, phase: Phase, reply: Reply, open: bool) -> Told {
        let refused = reply.code / 100 > 3 && reply.code != CLOSING;
        if refused && !self.has_surplus() {
            self.usable = match (open, phase) {
                (false, _) => self.reset().await,
                (true, Phase::Rcpt) => self.send_nothing().await,
                // A relay that refused the sender and waits for the letter might deliver it.
                (true, _) => false,
            };
        }
        self.judged(phase, reply)
    }

    async fn reset(&mut self) -> bool {
        let reply = self.ask("RSET\r\n", self.limits.reply).await;
        reply.is_ok_and(|reply| reply.code == 250) && !self.has_surplus()
    }

    /// RFC 2920 §3.1: with no recipient accepted, the letter is an end alone, and is refused.
    async fn send_nothing(&mut self) -> bool {
        let reply = self.ask(".\r\n", self.limits.data).await;
        reply.is_ok_and(|reply| reply.code != CLOSING) && !self.has_surplus()
    }

    fn steps(&self) -> [(Phase, Duration); 3] {
        let limits = self.limits;
        [
            (Phase::Mail, limits.reply),
            (Phase::Rcpt, limits.reply),
            (Phase::Data, limits.data),
        ]
    }

    fn commands(&self, envelope: &Envelope, size: usize) -> [String; 3] {
        let mail = match self.size {
            Some(_) => format!("MAIL FROM:<{}> SIZE={size}\r\n", envelope.from),
            None => format!("MAIL FROM:<{}>\r\n", envelope.from),
        };
        let rcpt = format!("RCPT TO:<{}>\r\n", envelope.to);
        [mail, rcpt, "DATA\r\n".to_owned()]
    }
}

/// What ends a letter, after its last line's end (RFC 5321 §4.1.1.4).
const END: &str = ".\r\n";

/// What we say of a relay that hung up in the middle of a letter.
const CLOSED: &str = "expected the relay to wait for the letter's end, but it hung up";

/// What we say of replies that nobody asked for.
pub(super) const SURPLUS: &str = "expected one reply a command, but got more";

/// The last guard before an address becomes part of a command. The empty address fits.
fn fit_address(address: &str) -> Result<(), String> {
    if !address.is_ascii() {
        return Err("expected an ASCII address, but got one that needs SMTPUTF8".to_owned());
    }
    if address.len() > 254 {
        let length = address.len();
        return Err(format!(
            "expected an address of at most 254 bytes, but got {length}"
        ));
    }
    if address
        .bytes()
        .any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'<' | b'>'))
    {
        return Err("expected an address without spaces, controls, `<` or `>`".to_owned());
    }
    Ok(())
}

/// The letter as it goes over the wire, but for its end: dots at the head of a line doubled
/// (RFC 5321 §4.5.2). Most letters have no such line, and go as they are.
///
/// Lines that don't end in CRLF are refused, not repaired: the signature was made over these bytes,
/// and a relay that takes a lone LF for a line could be told a second letter (SMTP smuggling).
fn stuffed(letter: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if !letter.is_ascii() {
        return Err("expected a 7-bit letter, but got 8-bit bytes".to_owned());
    }
    let mut wire = Vec::new();
    let (mut copied, mut returns) = (0, 0);
    let mut start = 0;
    for end in memchr_iter(b'\n', letter).chain([letter.len()]) {
        let line = letter.get(start..end).unwrap_or_default();
        let ends_well = line.ends_with(b"\r") || end == letter.len();
        returns += usize::from(line.ends_with(b"\r") && end < letter.len());
        if !ends_well {
            return Err(LONE.to_owned());
        }
        if line.starts_with(b".") {
            wire.extend_from_slice(letter.get(copied..start).unwrap_or_default());
            wire.push(b'.');
            copied = start;
        }
        start = end + 1;
    }
    if memchr_iter(b'\r', letter).count() != returns {
        return Err(LONE.to_owned());
    }
    let ends_well = letter.is_empty() || letter.ends_with(b"\n");
    if wire.is_empty() && ends_well {
        return Ok(Cow::Borrowed(letter));
    }
    wire.extend_from_slice(letter.get(copied..).unwrap_or_default());
    if !ends_well {
        wire.extend_from_slice(b"\r\n");
    }
    Ok(Cow::Owned(wire))
}

const LONE: &str = "expected lines that end in CRLF, but got a lone CR or LF";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_are_doubled_and_the_last_line_is_ended() {
        let cases = [
            ("", ""),
            ("a\r\n", "a\r\n"),
            ("a", "a\r\n"),
            (".\r\n..\r\n.a", "..\r\n...\r\n..a\r\n"),
            ("a.\r\n\r\n", "a.\r\n\r\n"),
        ];
        for (letter, wire) in cases {
            assert_eq!(
                stuffed(letter.as_bytes()).unwrap().as_ref(),
                wire.as_bytes()
            );
        }
    }

    #[test]
    fn a_letter_with_lone_line_ends_or_8_bit_bytes_is_not_sent() {
        for letter in ["a\nb", "a\rb\r\n", "a\r", "\n.\r\n", "ї"] {
            assert!(stuffed(letter.as_bytes()).is_err(), "{letter:?}");
        }
        assert!(stuffed(b"\xff").is_err());
    }

    #[test]
    fn an_address_cannot_carry_a_command() {
        for address in [
            "a@b.org>\r\nDATA",
            "a b@c.org",
            "a@b.org> X=1",
            "юзер@b.org",
            "a\0@b.org",
        ] {
            assert!(fit_address(address).is_err(), "{address:?}");
        }
        assert!(fit_address("b+12.ab@bounces.example.org").is_ok());
        assert!(fit_address(&format!("{}@b.org", "a".repeat(250))).is_err());
    }

    proptest! {
        #[test]
        fn a_server_that_undoes_the_doubling_has_the_same_letter(lines in prop::collection::vec("[.a-c ]{0,5}", 0..8)) {
            let letter = format!("{}\r\n", lines.join("\r\n"));
            let wire = String::from_utf8(stuffed(letter.as_bytes()).unwrap().into_owned()).unwrap();
            let undone: String = wire
                .split_inclusive("\r\n")
                .map(|line| line.strip_prefix('.').unwrap_or(line))
                .collect();
            prop_assert_eq!(undone, letter);
            prop_assert!(wire.split_inclusive("\r\n").all(|line| line != END));
        }
    }
}
