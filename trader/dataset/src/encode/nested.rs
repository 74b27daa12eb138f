//! Columns of lists and structs: verdicts and portfolios.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, ListArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::error::ArrowError;
use triptych_engine::candidate::StatedPortfolios;
use triptych_engine::decimal::Notional;
use triptych_engine::measure::Measure;
use triptych_engine::portfolio::{PortfolioName, PortfolioSnapshot};
use triptych_engine::risk::Verdict;

use super::{Decided, decimals};
use crate::schema;

/// A list of verdicts for each row.
pub(super) fn verdicts<'a>(
    rows: &'a [Decided],
    of_row: impl Fn(&'a Decided) -> &'a [Verdict],
) -> Result<ArrayRef, ArrowError> {
    let lengths = rows.iter().map(|row| of_row(row).len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    let verdicts = || rows.iter().flat_map(&of_row);
    let list = ListArray::try_new(
        Arc::clone(&schema::VERDICT),
        offsets,
        Arc::new(structs(verdicts)?),
        None,
    )?;
    Ok(Arc::new(list))
}

fn structs<'a, V: Iterator<Item = &'a Verdict>>(
    verdicts: impl Fn() -> V,
) -> Result<StructArray, ArrowError> {
    let version = |verdict: &Verdict| i32::try_from(verdict.version).unwrap_or(i32::MAX);
    let resized = |verdict: &Verdict| {
        verdict
            .resized_quantity()
            .map(|quantity| quantity.units().into())
    };
    let portfolio = |verdict: &Verdict| verdict.portfolio.map(PortfolioName::name);
    let fields: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            verdicts().map(|verdict| verdict.rule),
        )),
        Arc::new(Int32Array::from_iter_values(verdicts().map(version))),
        Arc::new(
            verdicts()
                .map(|verdict| Some(verdict.passes()))
                .collect::<BooleanArray>(),
        ),
        decimals(
            verdicts().map(|verdict| verdict.observed.map(Measure::units)),
            schema::MEASURE,
        )?,
        decimals(
            verdicts().map(|verdict| verdict.limit.map(Measure::units)),
            schema::MEASURE,
        )?,
        decimals(verdicts().map(resized), schema::AMOUNT)?,
        Arc::new(
            verdicts()
                .map(|verdict| verdict.deny_code().map(|code| code.0))
                .collect::<StringArray>(),
        ),
        Arc::new(verdicts().map(portfolio).collect::<StringArray>()),
    ];
    StructArray::try_new(schema::VERDICT_FIELDS.clone(), fields, None)
}

/// One of the stated portfolios for each row; empty where the revision states none.
pub(super) fn portfolios(
    rows: &[Decided],
    which: impl Fn(&StatedPortfolios) -> PortfolioSnapshot,
) -> Result<ArrayRef, ArrowError> {
    let snapshots: Vec<Option<PortfolioSnapshot>> = rows
        .iter()
        .map(|row| row.portfolios.as_ref().map(&which))
        .collect();
    // A field that must have a value has one, under a struct that is none.
    let amounts = |units: fn(&PortfolioSnapshot) -> i64| {
        let units =
            |snapshot: &Option<PortfolioSnapshot>| Some(snapshot.as_ref().map_or(0, units).into());
        decimals(snapshots.iter().map(units), schema::AMOUNT)
    };
    let measures = |value: fn(&PortfolioSnapshot) -> Notional| {
        let units = |snapshot: &Option<PortfolioSnapshot>| {
            Some(
                snapshot
                    .as_ref()
                    .map_or(0, |snapshot| Measure::from(value(snapshot)).units()),
            )
        };
        decimals(snapshots.iter().map(units), schema::MEASURE)
    };
    let average = |snapshot: &Option<PortfolioSnapshot>| {
        snapshot
            .as_ref()?
            .average_price
            .map(|price| price.units().into())
    };
    let fields = vec![
        amounts(|snapshot| snapshot.position.units())?,
        decimals(snapshots.iter().map(average), schema::AMOUNT)?,
        amounts(|snapshot| snapshot.base_balance.units())?,
        measures(|snapshot| snapshot.quote_balance)?,
        measures(|snapshot| snapshot.realised_profit)?,
        measures(|snapshot| snapshot.unrealised_profit)?,
        measures(|snapshot| snapshot.fees)?,
        measures(|snapshot| snapshot.equity)?,
        measures(|snapshot| snapshot.gross_exposure)?,
        measures(|snapshot| snapshot.net_exposure)?,
    ];
    let stated: NullBuffer = snapshots
        .iter()
        .map(Option::is_some)
        .collect::<Vec<bool>>()
        .into();
    let structs = StructArray::try_new(schema::PORTFOLIO_FIELDS.clone(), fields, Some(stated))?;
    Ok(Arc::new(structs))
}
