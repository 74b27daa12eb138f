//! The books of the venue, the ledger and the dataset, in one form.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use triptych_dataset::executions::read::rows_of;
use triptych_dataset::layout::Table;
use triptych_dataset::read::listed_files_of;

/// Decimal places of an [`exact`] number: those of a value, which is a price times a quantity.
const PLACES: usize = 16;

/// Orders and fills as lines, each of which is there once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// Name, side, quantity and what was filled of it, in both assets.
    pub(crate) orders: BTreeSet<String>,
    /// Number, order, side, price, quantity, fee and who waited.
    pub(crate) fills: BTreeSet<String>,
    /// Bought less sold, by symbol, without fees.
    pub(crate) positions: BTreeMap<String, i128>,
}

/// Adds a line that is not there yet.
fn add(lines: &mut BTreeSet<String>, line: String) -> Result<()> {
    ensure!(!lines.contains(&line), "this is there twice: {line}");
    lines.insert(line);
    Ok(())
}

/// What the venue's records of its only account say, once its balances are those that its fills make.
pub(crate) fn of_venue(records: &Value, balances: &Value) -> Result<Books> {
    let account = &records[0];
    let mut books = Books::default();
    let mut owned: BTreeMap<&str, i128> = BTreeMap::new();
    for (asset, amount) in account["openedWith"].as_object().context("openedWith")? {
        owned.insert(asset, exact(text(amount)?)?);
    }
    let list = |name: &str| account[name].as_array().with_context(|| name.to_owned());
    let mut names = BTreeMap::new();
    for order in list("orders")? {
        let field = |name: &str| text(&order[name]);
        names.insert(order["orderId"].to_string(), field("clientOrderId")?);
        add(
            &mut books.orders,
            format!(
                "{} {} {} {} {} {}",
                field("symbol")?,
                field("clientOrderId")?,
                field("side")?,
                exact(field("quantity")?)?,
                exact(field("executed")?)?,
                exact(field("executedQuote")?)?,
            ),
        )?;
    }
    for fill in list("fills")? {
        let field = |name: &str| text(&fill[name]);
        let number = |name: &str| field(name).and_then(exact);
        let order = names.get(&fill["orderId"].to_string());
        let is_maker = fill["isMaker"].as_bool().context("isMaker")?;
        add(
            &mut books.fills,
            format!(
                "{} {} {} {} {} {} {} {} {}",
                field("symbol")?,
                fill["tradeId"],
                order.context("a fill without its order")?,
                field("side")?,
                number("price")?,
                number("quantity")?,
                number("commission")?,
                field("commissionAsset")?,
                if is_maker { "MAKER" } else { "TAKER" },
            ),
        )?;
        let sign = if field("side")? == "BUY" { 1 } else { -1 };
        let bought = sign * number("quantity")?;
        *books
            .positions
            .entry(field("symbol")?.to_owned())
            .or_default() += bought;
        *owned.entry(field("base")?).or_default() += bought;
        *owned.entry(field("quote")?).or_default() -= sign * number("value")?;
        *owned.entry(field("commissionAsset")?).or_default() -= number("commission")?;
    }
    for (asset, balance) in balances.as_object().context("balances")? {
        let there = exact(text(&balance["free"])?)? + exact(text(&balance["locked"])?)?;
        let made = owned.get(asset.as_str()).copied().unwrap_or_default();
        ensure!(
            there == made,
            "the venue's own {asset}: {there}, and its fills make {made}"
        );
    }
    Ok(books)
}

/// What a ledger says of the orders that reached the venue.
pub(crate) fn of_ledger(file: &Path) -> Result<Books> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let ledger =
        Connection::open_with_flags(file, flags).with_context(|| file.display().to_string())?;
    let mut books = Books::default();
    let orders = "SELECT symbol, client_order_id, upper(side), quantity, filled_quantity, filled_value \
                  FROM orders WHERE venue_order_id IS NOT NULL";
    for row in rows(&ledger, orders)? {
        let [symbol, name, side, quantity, filled, value] = &row[..] else {
            continue;
        };
        let [quantity, filled, value] = [exact(quantity)?, exact(filled)?, exact(value)?];
        add(
            &mut books.orders,
            format!("{symbol} {name} {side} {quantity} {filled} {value}"),
        )?;
    }
    let fills = "SELECT symbol, trade_id, client_order_id, upper(side), price, quantity, fee, fee_asset, \
                 upper(liquidity) FROM fills";
    for row in rows(&ledger, fills)? {
        let [
            symbol,
            trade,
            name,
            side,
            price,
            quantity,
            fee,
            asset,
            liquidity,
        ] = &row[..]
        else {
            continue;
        };
        let [price, quantity, fee] = [exact(price)?, exact(quantity)?, exact(fee)?];
        add(
            &mut books.fills,
            format!("{symbol} {trade} {name} {side} {price} {quantity} {fee} {asset} {liquidity}"),
        )?;
    }
    for row in rows(&ledger, "SELECT symbol, quantity FROM positions")? {
        if let [symbol, quantity] = &row[..] {
            books.positions.insert(symbol.clone(), exact(quantity)?);
        }
    }
    Ok(books)
}

fn rows(ledger: &Connection, question: &str) -> Result<Vec<Vec<String>>> {
    let mut statement = ledger.prepare(question)?;
    let columns = statement.column_count();
    let read = statement.query_map([], |row| {
        (0..columns)
            .map(|column| row.get(column))
            .collect::<rusqlite::Result<Vec<String>>>()
    })?;
    Ok(read.collect::<rusqlite::Result<_>>()?)
}

/// Fills in the published files of a dataset: order, side, price, quantity, fee and its asset. Two parts of an order may
/// be alike, so each says how often it is there.
pub(crate) fn fills_of_dataset(directory: &Path) -> Result<BTreeMap<String, usize>> {
    let mut fills = BTreeMap::new();
    for file in listed_files_of(directory, Table::Executions)? {
        for row in rows_of(&file)? {
            let Some(fill) = row.fill else { continue };
            let line = format!(
                "{} {} {} {} {} {} {}",
                row.instrument,
                row.client_order_id,
                if row.buys { "BUY" } else { "SELL" },
                exact(&fill.price.to_string())?,
                exact(&fill.quantity.to_string())?,
                exact(&fill.fee.to_string())?,
                fill.fee_asset.unwrap_or_default(),
            );
            *fills.entry(line).or_default() += 1;
        }
    }
    Ok(fills)
}

/// The same of the fills of books.
pub(crate) fn fills_as_in_datasets(books: &Books) -> BTreeMap<String, usize> {
    let mut fills = BTreeMap::new();
    for line in &books.fills {
        let words: Vec<&str> = line.split(' ').collect();
        let kept: Vec<&str> = [0, 2, 3, 4, 5, 6, 7]
            .iter()
            .filter_map(|&word| words.get(word).copied())
            .collect();
        *fills.entry(kept.join(" ")).or_default() += 1;
    }
    fills
}

fn text(value: &Value) -> Result<&str> {
    value
        .as_str()
        .with_context(|| format!("expected a text, found {value}"))
}

/// A decimal number in units of 10⁻¹⁶.
pub(crate) fn exact(text: &str) -> Result<i128> {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    ensure!(
        fraction.len() <= PLACES,
        "{text}: expected at most {PLACES} decimal places"
    );
    let units: i128 = format!("{whole}{fraction:0<PLACES$}")
        .parse()
        .with_context(|| format!("{text:?} is no decimal number"))?;
    Ok(sign * units)
}
