//! Columns of lists and structs: verdicts and portfolios.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Decimal128Builder, Int32Builder, ListBuilder,
    StringBuilder, StructBuilder,
};
use arrow::error::ArrowError;
use triptych_engine::candidate::StatedPortfolios;
use triptych_engine::decimal::Notional;
use triptych_engine::measure::Measure;
use triptych_engine::portfolio::{PortfolioName, PortfolioSnapshot};
use triptych_engine::risk::Verdict;

use super::{Decided, decimal_builder};
use crate::schema;

/// A list of verdicts for each row.
pub(super) fn verdicts<'a>(
    rows: &'a [Decided],
    of_row: impl Fn(&'a Decided) -> &'a [Verdict],
) -> Result<ArrayRef, ArrowError> {
    let verdict = StructBuilder::new(
        schema::VERDICT_FIELDS.clone(),
        vec![
            Box::new(StringBuilder::new()),
            Box::new(Int32Builder::new()),
            Box::new(BooleanBuilder::new()),
            Box::new(decimal_builder(schema::MEASURE)?),
            Box::new(decimal_builder(schema::MEASURE)?),
            Box::new(decimal_builder(schema::AMOUNT)?),
            Box::new(StringBuilder::new()),
            Box::new(StringBuilder::new()),
        ],
    );
    let mut list = ListBuilder::new(verdict).with_field(Arc::clone(&schema::VERDICT));
    for row in rows {
        for verdict in of_row(row) {
            append_verdict(list.values(), verdict)?;
        }
        list.append(true);
    }
    Ok(Arc::new(list.finish()))
}

fn append_verdict(row: &mut StructBuilder, verdict: &Verdict) -> Result<(), ArrowError> {
    let version = i32::try_from(verdict.version).unwrap_or(i32::MAX);
    let resized = verdict.resized_quantity();
    field::<StringBuilder>(row, 0)?.append_value(verdict.rule);
    field::<Int32Builder>(row, 1)?.append_value(version);
    field::<BooleanBuilder>(row, 2)?.append_value(verdict.passes());
    decimal(row, 3, verdict.observed.map(Measure::units))?;
    decimal(row, 4, verdict.limit.map(Measure::units))?;
    decimal(row, 5, resized.map(|quantity| quantity.units().into()))?;
    field::<StringBuilder>(row, 6)?.append_option(verdict.deny_code().map(|code| code.0));
    field::<StringBuilder>(row, 7)?.append_option(verdict.portfolio.map(PortfolioName::name));
    row.append(true);
    Ok(())
}

/// One of the stated portfolios for each row; empty where the revision states none.
pub(super) fn portfolios(
    rows: &[Decided],
    which: impl Fn(&StatedPortfolios) -> PortfolioSnapshot,
) -> Result<ArrayRef, ArrowError> {
    let mut amounts: Vec<Box<dyn ArrayBuilder>> = Vec::new();
    for _ in 0..AMOUNTS {
        amounts.push(Box::new(decimal_builder(schema::AMOUNT)?));
    }
    while amounts.len() < schema::PORTFOLIO_FIELDS.len() {
        amounts.push(Box::new(decimal_builder(schema::MEASURE)?));
    }
    let mut builder = StructBuilder::new(schema::PORTFOLIO_FIELDS.clone(), amounts);
    for row in rows {
        let snapshot = row.portfolios.as_ref().map(&which);
        append_portfolio(&mut builder, snapshot.as_ref())?;
    }
    Ok(Arc::new(builder.finish()))
}

/// Fields of a portfolio that are prices or quantities: they come first.
const AMOUNTS: usize = 3;

fn append_portfolio(
    builder: &mut StructBuilder,
    snapshot: Option<&PortfolioSnapshot>,
) -> Result<(), ArrowError> {
    let Some(snapshot) = snapshot else {
        for place in 0..schema::PORTFOLIO_FIELDS.len() {
            // A field that must have a value has one, under a struct that is none.
            decimal(builder, place, Some(0))?;
        }
        builder.append(false);
        return Ok(());
    };
    let average = snapshot.average_price;
    decimal(builder, 0, Some(snapshot.position.units().into()))?;
    decimal(builder, 1, average.map(|price| price.units().into()))?;
    decimal(builder, 2, Some(snapshot.base_balance.units().into()))?;
    let measures: [Notional; 7] = [
        snapshot.quote_balance,
        snapshot.realised_profit,
        snapshot.unrealised_profit,
        snapshot.fees,
        snapshot.equity,
        snapshot.gross_exposure,
        snapshot.net_exposure,
    ];
    for (place, value) in (AMOUNTS..).zip(measures) {
        decimal(builder, place, Some(Measure::from(value).units()))?;
    }
    builder.append(true);
    Ok(())
}

fn decimal(row: &mut StructBuilder, place: usize, units: Option<i128>) -> Result<(), ArrowError> {
    field::<Decimal128Builder>(row, place)?.append_option(units);
    Ok(())
}

fn field<T: ArrayBuilder>(row: &mut StructBuilder, place: usize) -> Result<&mut T, ArrowError> {
    row.field_builder::<T>(place).ok_or_else(|| {
        ArrowError::SchemaError(format!("field {place} of a struct has another type"))
    })
}
