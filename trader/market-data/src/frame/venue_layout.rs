//! Frames in exactly the layout in which the venue writes them: no white space, the venue's fields in
//! the venue's order. Nearly every frame is one, and then there is nothing to look for.
//!
//! This reader says yes or nothing: whatever it does not know, right or wrong, is for the general
//! reader, which also finds the words for what is wrong. A test holds both against each other.

use triptych_engine::decimal::{DECIMALS, Price, Quantity};
use triptych_engine::event::{
    BookTicker, DepthDiff, Event, EventKind, Level, Levels, Side, Timestamp, Trade,
};

use crate::instruments::Instruments;

/// Digits of a whole number that fits into 63 bits whatever they are.
const MOST_DIGITS: usize = 18;

/// Digits before the point of a decimal that fits into 63 bits of 10⁻⁸ whatever they are.
const MOST_WHOLE_DIGITS: usize = 10;

/// 10⁸ to 10⁰: what a decimal with so many digits behind the point is scaled by.
const SCALES: [u64; DECIMALS as usize + 1] = [
    100_000_000,
    10_000_000,
    1_000_000,
    100_000,
    10_000,
    1_000,
    100,
    10,
    1,
];

/// Reads a market event of a combined stream, received at `ts_recv`; `None` for anything else.
pub(super) fn read(instruments: &Instruments, text: &str, ts_recv: Timestamp) -> Option<Event> {
    let mut cursor = Cursor(text.as_bytes());
    cursor.pass(b"{\"stream\":\"")?;
    let lower_case = cursor.until(b'@')?;
    let instrument = instruments.find_lowercase(std::str::from_utf8(lower_case).ok()?)?;
    let symbol = instruments.symbol(instrument).as_str().as_bytes();
    let (ts_event, kind) = match cursor.0.first()? {
        b'b' => (None, EventKind::BookTicker(cursor.book_ticker(symbol)?)),
        b't' => {
            let (time, trade) = cursor.trade(symbol)?;
            (Some(time), EventKind::Trade(trade))
        }
        b'd' => {
            let (time, diff) = cursor.depth_diff(symbol)?;
            (Some(time), EventKind::DepthDiff(diff))
        }
        _ => return None,
    };
    cursor.0.is_empty().then_some(Event {
        instrument,
        ts_event,
        ts_recv,
        kind,
    })
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn book_ticker(&mut self, symbol: &[u8]) -> Option<BookTicker> {
        self.pass(b"bookTicker\",\"data\":{\"u\":")?;
        let update_id = self.whole()?;
        self.symbol(symbol)?;
        self.pass(b"\"b\":\"")?;
        let bid_price = self.decimal()?;
        self.pass(b"\",\"B\":\"")?;
        let bid_quantity = self.decimal()?;
        self.pass(b"\",\"a\":\"")?;
        let ask_price = self.decimal()?;
        self.pass(b"\",\"A\":\"")?;
        let ask_quantity = self.decimal()?;
        self.pass(b"\"}}")?;
        Some(BookTicker {
            update_id,
            bid: level(bid_price, bid_quantity),
            ask: level(ask_price, ask_quantity),
        })
    }

    fn trade(&mut self, symbol: &[u8]) -> Option<(Timestamp, Trade)> {
        self.pass(b"trade\",\"data\":{\"e\":\"trade\",\"E\":")?;
        self.whole()?;
        self.symbol(symbol)?;
        self.pass(b"\"t\":")?;
        let trade_id = self.whole()?;
        self.pass(b",\"p\":\"")?;
        let price = self.decimal()?;
        self.pass(b"\",\"q\":\"")?;
        let quantity = self.decimal()?;
        self.pass(b"\",\"T\":")?;
        let time = self.time()?;
        self.pass(b",\"m\":")?;
        let buyer_is_maker = self.truth()?;
        self.pass(b",\"M\":")?;
        self.truth()?;
        self.pass(b"}}")?;
        let trade = Trade {
            trade_id,
            price: Price::from_units(price),
            quantity: Quantity::from_units(quantity),
            aggressor: if buyer_is_maker {
                Side::Sell
            } else {
                Side::Buy
            },
        };
        Some((time, trade))
    }

    fn depth_diff(&mut self, symbol: &[u8]) -> Option<(Timestamp, DepthDiff)> {
        self.pass(b"depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":")?;
        let time = self.time()?;
        self.symbol(symbol)?;
        self.pass(b"\"U\":")?;
        let first_update_id = self.whole()?;
        self.pass(b",\"u\":")?;
        let final_update_id = self.whole()?;
        self.pass(b",\"b\":")?;
        let bids = self.levels()?;
        self.pass(b",\"a\":")?;
        let asks = self.levels()?;
        self.pass(b"}}")?;
        let diff = DepthDiff {
            first_update_id,
            final_update_id,
            levels: Levels { bids, asks },
        };
        (first_update_id <= final_update_id).then_some((time, diff))
    }

    /// `[["61837.63000000","3.78826000"],..]`
    fn levels(&mut self) -> Option<Vec<Level>> {
        if self.pass(b"[]").is_some() {
            return Some(Vec::new());
        }
        self.pass(b"[")?;
        let mut levels = Vec::with_capacity(16);
        loop {
            self.pass(b"[\"")?;
            let price = self.decimal().filter(|price| *price > 0)?;
            self.pass(b"\",\"")?;
            let quantity = self.decimal()?;
            self.pass(b"\"]")?;
            levels.push(level(price, quantity));
            if self.pass(b",").is_none() {
                break;
            }
        }
        self.pass(b"]")?;
        Some(levels)
    }

    /// `,"s":"BTCUSDT",`
    fn symbol(&mut self, symbol: &[u8]) -> Option<()> {
        self.pass(b",\"s\":\"")?;
        self.pass(symbol)?;
        self.pass(b"\",")
    }

    fn pass(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let place = self.0.iter().position(|byte| *byte == end)?;
        let (found, rest) = self.0.split_at(place);
        self.0 = &rest[1..];
        Some(found)
    }

    fn truth(&mut self) -> Option<bool> {
        if self.pass(b"true").is_some() {
            Some(true)
        } else {
            self.pass(b"false").map(|()| false)
        }
    }

    fn time(&mut self) -> Option<Timestamp> {
        let milliseconds = i64::try_from(self.whole()?).ok()?;
        Some(Timestamp::from_milliseconds(milliseconds))
    }

    /// A whole number as JSON has it: no needless zero in front.
    fn whole(&mut self) -> Option<u64> {
        let (number, digits) = self.many_digits();
        let has_needless_zero = digits > 1 && self.0.first() == Some(&b'0');
        if !(1..=MOST_DIGITS).contains(&digits) || has_needless_zero {
            return None;
        }
        self.0 = &self.0[digits..];
        Some(number)
    }

    /// Units of 10⁻⁸ of a plain decimal.
    fn decimal(&mut self) -> Option<i64> {
        let (whole, digits) = self.digits();
        if !(1..=MOST_WHOLE_DIGITS).contains(&digits) {
            return None;
        }
        self.0 = &self.0[digits..];
        let mut units = whole * SCALES[0];
        if self.pass(b".").is_some() {
            let (fraction, digits) = self.many_digits();
            let scale = SCALES.get(digits).filter(|_| digits > 0)?;
            self.0 = &self.0[digits..];
            units += fraction * scale;
        }
        i64::try_from(units).ok()
    }

    /// The number that the digits ahead make, and how many there are; the number counts only where
    /// they are at most [`MOST_DIGITS`].
    fn digits(&self) -> (u64, usize) {
        digits_from(0, 0, self.0)
    }

    /// The same, faster for eight digits and more.
    fn many_digits(&self) -> (u64, usize) {
        match self.0.split_first_chunk() {
            Some((eight, behind)) => match eight_digits(*eight) {
                Some(number) => digits_from(number, 8, behind),
                None => self.digits(),
            },
            None => self.digits(),
        }
    }
}

/// Goes on with `number`, which `count` digits made.
fn digits_from(mut number: u64, mut count: usize, text: &[u8]) -> (u64, usize) {
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || count > MOST_DIGITS {
            break;
        }
        number = number * 10 + u64::from(digit);
        count += 1;
    }
    (number, count)
}

/// The number that eight digits make, all at once: neighbours are joined to pairs, pairs to fours and
/// those to the whole, by one multiplication each. After Daniel Lemire, "Number Parsing at a Gigabyte
/// per Second", Software: Practice and Experience 51 (2021).
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
    let word = u64::from_le_bytes(text);
    let digits = word.wrapping_sub(ZEROS);
    // The upper half of a byte is empty for 0 to 15; with 6 added, for 0 to 9.
    let beyond = digits | digits.wrapping_add(u64::from_le_bytes([6; 8]));
    if beyond & u64::from_le_bytes([0xf0; 8]) != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

fn level(price: i64, quantity: i64) -> Level {
    Level {
        price: Price::from_units(price),
        quantity: Quantity::from_units(quantity),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::eight_digits;

    proptest! {
        #[test]
        fn eight_digits_are_the_number_that_they_spell(number in 0_u64..100_000_000) {
            let text = format!("{number:08}");
            let bytes = text.as_bytes().try_into().unwrap();
            prop_assert_eq!(eight_digits(bytes), Some(number));
        }

        #[test]
        fn eight_bytes_with_anything_else_are_no_number(
            number in 0_u64..100_000_000,
            place in 0_usize..8,
            other in any::<u8>().prop_filter("no digit", |byte| !byte.is_ascii_digit()),
        ) {
            let mut bytes: [u8; 8] = format!("{number:08}").as_bytes().try_into().unwrap();
            bytes[place] = other;
            prop_assert_eq!(eight_digits(bytes), None);
        }
    }
}
