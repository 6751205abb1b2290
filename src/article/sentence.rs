//! The tokens of a date in, what they say one by one out. What they mean together is
//! [`date`](super::date)'s.

use chrono::{NaiveDate, NaiveTime, Timelike};

use crate::article::words::Meaning;
use crate::article::words::Token;
use crate::article::words::Unit;
use crate::article::words::full_year;

/// What the tokens have said so far.
#[derive(Default, PartialEq)]
pub(super) struct Sentence {
    /// A whole date, written in numbers.
    pub(super) date: Option<NaiveDate>,
    pub(super) month: Option<u32>,
    /// Numbers beside a month's name: a day, a year.
    pub(super) numbers: Vec<(u64, usize)>,
    pub(super) time: Option<Time>,
    pub(super) zone: Option<i32>,
    /// «сьогодні» is 0, «вчора» is 1.
    pub(super) days_back: Option<u64>,
    /// «3 години тому»: amounts of units; counted only with «тому» or "ago".
    pub(super) spans: Vec<(u32, Unit)>,
    pub(super) ago: bool,
    pub(super) now: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Time {
    pub(super) clock: NaiveTime,
    /// 24:00 is the midnight after.
    pub(super) day_after: bool,
}

impl Sentence {
    /// Understands the first tokens and gives the others; `None` if they mean nothing here.
    pub(super) fn take<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        match tokens {
            [Token::Number(..), ..] => self.number(tokens),
            [Token::Word(word), rest @ ..] => self.word(*word, rest),
            [Token::Sign(sign @ ('+' | '-')), Token::Number(..), ..]
                if self.time.is_some()
                    && (*sign == '+' || self.date.is_some() || !self.numbers.is_empty()) =>
            {
                self.offset(tokens)
            }
            [
                Token::Sign(
                    ',' | '.' | '-' | '/' | '|' | ':' | '·' | '•' | ';' | '\'' | '’' | '@' | '«'
                    | '»' | '"',
                ),
                rest @ ..,
            ] => Some(rest),
            _ => None,
        }
    }

    fn word<'t>(&mut self, word: Meaning, rest: &'t [Token]) -> Option<&'t [Token]> {
        match word {
            Meaning::At => {
                // «о 17.07» is a clock time; elsewhere a dot makes a date.
                if let [
                    Token::Number(hour, 1 | 2),
                    Token::Sign('.'),
                    Token::Number(minute, 2),
                    rest @ ..,
                ] = rest
                {
                    self.clock(*hour, *minute, 0)?;
                    return self.half_of_day(rest);
                }
            }
            Meaning::Month(month) => {
                if self.month.replace(month).is_some() {
                    return None;
                }
            }
            Meaning::Zone(seconds) => {
                if self.zone.is_none() {
                    self.zone = Some(seconds);
                }
            }
            Meaning::DaysBack(days) => self.days_back = Some(days),
            Meaning::Ago => self.ago = true,
            Meaning::Now => self.now = true,
            Meaning::Unit(unit) => self.spans.push((1, unit)),
            Meaning::Year if rest.first() == Some(&Token::Word(Meaning::Ago)) => {
                self.spans.push((1, Unit::Months(12)));
            }
            Meaning::Filler | Meaning::Year => {}
            // German «am 3. Juli 2018».
            Meaning::HalfOfDay(false) if *self == Self::default() => {}
            Meaning::HalfOfDay(_) | Meaning::T | Meaning::Unknown => return None,
        }
        Some(rest)
    }

    fn number<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        use Token::{Number, Sign, Word};
        match tokens {
            [Number(_, 1 | 2), Sign(':'), Number(_, 2), ..]
            | [Number(_, 1 | 2), Sign(':'), Number(..), Sign(':'), ..]
            | [Number(_, 1 | 2), Word(Meaning::HalfOfDay(_)), ..] => self.clock_time(tokens),
            [
                Number(_, 1 | 2 | 4),
                Sign('-' | '/' | '.'),
                Number(_, 1..=3),
                ..,
            ] if self.month.is_none() => self.numeric_day(tokens),
            [Number(_, 8 | 14), ..] => self.compact(tokens),
            [Number(h, 1 | 2), Sign('.'), Number(m, 2), rest @ ..] if self.numbers.len() == 2 => {
                self.clock(*h, *m, 0)?;
                Some(rest)
            }
            [
                Number(h, 1 | 2),
                Word(Meaning::Unit(Unit::Seconds(3600))),
                rest @ ..,
            ] if self.day_known() => self.spelled_clock(*h, rest),
            [Number(n, _), Word(Meaning::Unit(unit)), rest @ ..] => {
                self.spans.push((u32::try_from(*n).ok()?, *unit));
                Some(rest)
            }
            [Number(n, _), Word(Meaning::Year), rest @ ..]
                if rest.first() == Some(&Word(Meaning::Ago)) =>
            {
                self.spans.push((u32::try_from(*n).ok()?, Unit::Months(12)));
                Some(rest)
            }
            [Number(n, digits), rest @ ..] => {
                self.numbers.push((*n, *digits));
                (self.numbers.len() <= 2).then_some(rest)
            }
            _ => None,
        }
    }

    fn day_known(&self) -> bool {
        self.date.is_some() || (self.month.is_some() && self.numbers.len() == 2)
    }

    /// «17 год. 07 хв.» after a day.
    fn spelled_clock<'t>(&mut self, hour: u64, tokens: &'t [Token]) -> Option<&'t [Token]> {
        use Token::{Number, Sign, Word};
        let rest = tokens.strip_prefix(&[Sign('.')]).unwrap_or(tokens);
        let minutes = Word(Meaning::Unit(Unit::Seconds(60)));
        let (minute, rest) = match rest {
            [Number(minute, 1 | 2), unit, rest @ ..] if *unit == minutes => (*minute, rest),
            _ => (0, rest),
        };
        self.clock(hour, minute, 0)?;
        Some(rest)
    }

    /// "17:07", "17:07:00.123", "5:07 pm", "5 pm".
    fn clock_time<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        use Token::{Number, Sign};
        let (hour, minute, second, rest) = match tokens {
            [
                Number(h, _),
                Sign(':'),
                Number(m, 1 | 2),
                Sign(':'),
                Number(s, 1 | 2),
                rest @ ..,
            ] => (*h, *m, *s, rest),
            [Number(h, _), Sign(':'), Number(m, 2), rest @ ..] => (*h, *m, 0, rest),
            [Number(h, _), rest @ ..] if matches!(rest.first(), Some(Token::Word(_))) => {
                (*h, 0, 0, rest)
            }
            _ => return None,
        };
        self.clock(hour, minute, second)?;
        let rest = match rest {
            // Some write milliseconds after a third colon.
            [Sign('.' | ','), Number(fraction, digits @ 1..=9), rest @ ..]
            | [Sign(':'), Number(fraction, digits @ 3), rest @ ..] => {
                let power = u32::try_from(9 - digits).ok()?;
                let nanos = u32::try_from(fraction * 10_u64.pow(power)).ok()?;
                let time = self.time.as_mut()?;
                time.clock = time.clock.with_nanosecond(nanos)?;
                rest
            }
            _ => rest,
        };
        self.half_of_day(rest)
    }

    /// "2023-06-26", "2023-177", "26.06.2023", "26/06/23", "6/26/2023".
    fn numeric_day<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        use Token::{Number, Sign};
        let [
            Number(first, digits),
            Sign(sign),
            Number(second, middle),
            rest @ ..,
        ] = tokens
        else {
            return None;
        };
        if (*digits, *middle) == (4, 3) {
            let (year, day) = (i32::try_from(*first).ok()?, u32::try_from(*second).ok()?);
            self.dated(NaiveDate::from_yo_opt(year, day)?)?;
            return Some(after_t(rest));
        }
        let [Sign(again), Number(third, last), rest @ ..] = rest else {
            return None;
        };
        if again != sign {
            return None;
        }
        match (digits, middle, last) {
            (4, 1 | 2, 1 | 2) => self.whole(*first, *second, *third)?,
            (1 | 2, 1 | 2, 2 | 4) => {
                let american = *second > 12 && *first <= 12 && *sign == '/';
                let (day, month) = if american {
                    (second, first)
                } else {
                    (first, second)
                };
                self.whole(full_year(*third, *last), *month, *day)?;
            }
            _ => return None,
        }
        Some(after_t(rest))
    }

    /// "20230626", "20230626T170700", "20230626170700".
    fn compact<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        use Token::{Number, Word};
        let (day, time, rest) = match tokens {
            [Number(n, 14), rest @ ..] => (n / 1_000_000, Some(n % 1_000_000), rest),
            [Number(n, _), Word(Meaning::T), Number(t, 6), rest @ ..] => (*n, Some(*t), rest),
            [Number(n, _), Word(Meaning::T), Number(t, 4), rest @ ..] => (*n, Some(t * 100), rest),
            [Number(n, _), rest @ ..] => (*n, None, after_t(rest)),
            _ => return None,
        };
        self.whole(day / 10_000, day / 100 % 100, day % 100)?;
        if let Some(time) = time {
            self.clock(time / 10_000, time / 100 % 100, time % 100)?;
        }
        Some(rest)
    }

    fn whole(&mut self, year: u64, month: u64, day: u64) -> Option<()> {
        let part = |n: u64| u32::try_from(n).ok();
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, part(month)?, part(day)?)?;
        self.dated(date)
    }

    fn dated(&mut self, date: NaiveDate) -> Option<()> {
        self.date.replace(date).is_none().then_some(())
    }

    fn clock(&mut self, hour: u64, minute: u64, second: u64) -> Option<()> {
        let day_after = (hour, minute, second) == (24, 0, 0);
        let part = |n: u64| u32::try_from(n).ok();
        let hour = if day_after { 0 } else { part(hour)? };
        // A leap second is the one before it.
        let second = if second == 60 { 59 } else { part(second)? };
        let clock = NaiveTime::from_hms_opt(hour, part(minute)?, second)?;
        let time = Time { clock, day_after };
        self.time.replace(time).is_none().then_some(())
    }

    /// "am" or "pm" after a clock time, if it stands there.
    fn half_of_day<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        let (afternoon, rest) = match tokens {
            [Token::Word(Meaning::HalfOfDay(afternoon)), rest @ ..] => (*afternoon, rest),
            _ => return Some(tokens),
        };
        let time = self.time.as_mut()?;
        let hour = time.clock.hour();
        // Some write "17:07 pm"; that's no less plain.
        let hour = match (hour, afternoon) {
            (12, false) => 0,
            (1..=11, true) => hour + 12,
            _ => hour,
        };
        time.clock = time.clock.with_hour(hour)?;
        Some(rest)
    }

    /// "+0300", "+03:00", "+03" or "+3" after a clock time.
    fn offset<'t>(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        let (sign, hours, minutes, rest) = match tokens {
            [
                Token::Sign(sign),
                Token::Number(h, 1 | 2),
                Token::Sign(':'),
                Token::Number(m, 1 | 2),
                rest @ ..,
            ] => (sign, *h, *m, rest),
            [Token::Sign(sign), Token::Number(n, 3 | 4), rest @ ..] => {
                (sign, n / 100, n % 100, rest)
            }
            [Token::Sign(sign), Token::Number(h, 1 | 2), rest @ ..] => (sign, *h, 0, rest),
            _ => return None,
        };
        if hours > 14 || minutes > 59 {
            return None;
        }
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        self.zone = Some(if *sign == '-' { -seconds } else { seconds });
        Some(rest)
    }
}

/// The tokens after a "T" that joins a date to its time.
fn after_t(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Word(Meaning::T), rest @ ..] if !rest.is_empty() => rest,
        _ => tokens,
    }
}
