//! The report as a page: one file with inline plots, without links, for phone and desk, light and dark.

use std::collections::{BTreeMap, BTreeSet};

use triptych_dataset::parity::{DivergenceKind, Parity, Window, moment};
use triptych_dataset::performance::{InstrumentPerformance, Performance, Point};
use triptych_engine::decimal::Notional;

use super::plot::{Line, Mark, Moment, Plot};
use super::{NUMBERS, TradingReport, numbers, pair, symbols};
use crate::report::{STYLE, escape, what_risk_denied};
use crate::summary::optional;

const OWN_STYLE: &str = include_str!("page.css");
const NAMES: [&str; 2] = ["W, live", "R, demo"];

/// The whole page.
pub(super) fn html(report: &TradingReport) -> String {
    let mut body = heading(report);
    for symbol in symbols(report) {
        body += &instrument(symbol, &pair(report, symbol));
    }
    body += &differences(report);
    body += &report.hypothesis.as_ref().map_or_else(
        || {
            "<h2>What ABH saw that risk denied</h2>\n<p>Not known: no dataset of ABH was given \
             (<code>--hypothesis</code>).</p>\n"
                .to_owned()
        },
        |summary| {
            format!(
                "<h1 class=\"part\">What ABH saw that risk denied</h1>\n{}",
                what_risk_denied(summary)
            )
        },
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>W and R side by side</title>\n\
         <style>\n{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn heading(report: &TradingReport) -> String {
    let told = |trader: &Performance| {
        let ratios = joined(&trader.live_ratios);
        let ratio = if ratios.is_empty() {
            String::new()
        } else {
            format!(", live ratio {ratios}")
        };
        format!(
            "{} ({}): {} candidates{ratio}",
            escape(&joined(&trader.instances)),
            escape(&joined(&trader.tiers)),
            trader.candidates
        )
    };
    let hashes = report.parity.as_ref().map_or_else(String::new, |parity| {
        format!(" Configuration {}.", escape(&joined(&parity.config_hashes)))
    });
    format!(
        "<h1>W and R side by side</h1>\n<p class=\"soft hash\">{}; {}.{hashes}</p>\n",
        told(&report.live),
        told(&report.demo)
    )
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn instrument(symbol: &str, traders: &[InstrumentPerformance; 2]) -> String {
    let points = || traders.iter().flat_map(|trader| &trader.points);
    let window = points()
        .map(|point| Window::at(point.at_ns))
        .reduce(Window::hull);
    let mut text = format!("<h2>{}</h2>\n{}", escape(symbol), table(traders));
    let Some(window) = window else {
        return text;
    };
    let span = (window.first_ns, window.last_ns);
    text += &format!("<p class=\"soft\">Plots: {window} (UTC), the same time for both.</p>\n");
    text += &plots(
        "Equity",
        "Realised and unrealised profit since the first moment, in the quote asset, after fees. Each has a scale of its own: W takes \
         the live ratio of what R takes.",
        &traders.each_ref().map(|trader| Plot {
            label: format!("profit of {symbol}"),
            span,
            lines: vec![line("equity", trader, |point| Some(point.profit))],
            marks: Vec::new(),
            decimals: 2,
        }),
    );
    text += &plots(
        "Exposure against its limit",
        "Absolute value of what is held, in the quote asset. The dashed line is the limit of the rule grossExposure, which \
         counts all instruments together; without that rule there is none.",
        &traders.each_ref().map(|trader| Plot {
            label: format!("exposure of {symbol}"),
            span,
            lines: vec![
                line("exposure", trader, |point| Some(point.exposure)),
                line("limit", trader, |point| {
                    point.limit.map(|limit| Notional::from_units(limit.units()))
                }),
            ],
            marks: Vec::new(),
            decimals: 2,
        }),
    );
    text += &plots(
        "Fills on the price",
        "<span class=\"key bought\"></span>bought<span class=\"key sold\"></span>sold",
        &traders.each_ref().map(|trader| fills(symbol, trader, span)),
    );
    text
}

fn table(traders: &[InstrumentPerformance; 2]) -> String {
    let [live, demo] = traders.each_ref().map(numbers);
    let rows: String = NUMBERS
        .iter()
        .enumerate()
        .map(|(place, name)| {
            format!(
                "<tr><td>{name}</td><td>{}</td><td>{}</td></tr>\n",
                escape(&live[place]),
                escape(&demo[place])
            )
        })
        .collect();
    format!(
        "<div class=\"scroll\"><table>\n<tr><th></th><th>{}</th><th>{}</th></tr>\n{rows}</table></div>\n",
        NAMES[0], NAMES[1]
    )
}

fn plots(title: &str, meaning: &str, plots: &[Plot<'_>; 2]) -> String {
    let panels = NAMES.iter().zip(plots).map(|(name, plot)| {
        format!(
            "<div><div class=\"name\">{name}</div>{}</div>\n",
            plot.svg()
        )
    });
    let panels: String = panels.collect();
    format!(
        "<h3>{title}</h3>\n<p class=\"soft\">{meaning}</p>\n<div class=\"pair\">{panels}</div>\n"
    )
}

fn line<'a>(
    class: &'a str,
    trader: &InstrumentPerformance,
    of: impl Fn(&Point) -> Option<Notional>,
) -> Line<'a> {
    let points = trader.points.iter();
    let moments = points.filter_map(|point| Some((point.at_ns, shown(of(point)?))));
    Line {
        class,
        moments: moments.collect(),
    }
}

fn fills(symbol: &str, trader: &InstrumentPerformance, span: (i64, i64)) -> Plot<'static> {
    #[allow(clippy::cast_precision_loss, reason = "a place on a screen")]
    let price = |units: i64| units as f64 / 1e8;
    let points = trader.points.iter();
    let moments: Vec<Moment> = points
        .map(|point| (point.at_ns, price(point.price.units())))
        .collect();
    let marks = trader.marks.iter().map(|mark| Mark {
        at: (mark.at_ns, price(mark.price.units())),
        class: if mark.buys { "bought" } else { "sold" },
    });
    Plot {
        label: format!("{} fills on the price of {symbol}", trader.marks.len()),
        span,
        lines: vec![Line {
            class: "price",
            moments,
        }],
        marks: marks.collect(),
        decimals: 2,
    }
}

#[allow(clippy::cast_precision_loss, reason = "a place on a screen")]
fn shown(money: Notional) -> f64 {
    money.units() as f64 / 1e16
}

fn differences(report: &TradingReport) -> String {
    let decisions = match (&report.parity, &report.no_parity) {
        (Some(parity), _) => decided(parity),
        (None, reason) => format!(
            "<p>Their decisions cannot be compared: {}.</p>\n",
            escape(reason.as_deref().unwrap_or("no reason is known"))
        ),
    };
    let orders = &report.orders;
    let disadvantage = orders.mean_disadvantage_basis_points;
    let price = disadvantage.map_or_else(String::new, |_| {
        format!(
            ", W at a mean price {} basis points worse than R",
            optional(disadvantage)
        )
    });
    format!(
        "<h2>Where they differ, and why</h2>\n<h3>Decisions</h3>\n{decisions}<h3>Orders</h3>\n\
         <p>Decisions that both filled: {}{price}. Orders of both that neither filled: {}.</p>\n{}{}",
        orders.both_filled,
        orders.neither_filled,
        reasons("Filled by W alone; R:", &orders.only_left),
        reasons("Filled by R alone; W:", &orders.only_right)
    )
}

fn decided(parity: &Parity) -> String {
    let first = parity.first.as_ref().map_or_else(String::new, |first| {
        let how = match &first.kind {
            DivergenceKind::OnlyLeft => "only W proposed it".to_owned(),
            DivergenceKind::OnlyRight => "only R proposed it".to_owned(),
            DivergenceKind::Decided(differences) => {
                let fields = differences.iter().map(|difference| {
                    format!(
                        "{}: W {}, R {}",
                        difference.field, difference.left, difference.right
                    )
                });
                fields.collect::<Vec<_>>().join("; ")
            }
        };
        format!(
            "<p>They first diverge at {} ({}), {} on {}: {}.</p>\n",
            moment(first.at_ns),
            escape(&first.trigger),
            escape(&first.strategy),
            escape(&first.instrument),
            escape(&how)
        )
    });
    let fields = counted("Field that differs", "Decisions", &parity.fields);
    format!(
        "<p>{} the same, {} different, {} by W alone, {} by R alone, {}.</p>\n{first}{fields}",
        parity.same, parity.different, parity.left.alone, parity.right.alone, parity.window
    )
}

fn reasons(title: &str, counts: &BTreeMap<String, u64>) -> String {
    counted(title, "Decisions", counts)
}

/// A table of counts; nothing where there are none.
fn counted(title: &str, of: &str, counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let rows = counts
        .iter()
        .map(|(name, count)| format!("<tr><td>{}</td><td>{count}</td></tr>\n", escape(name)));
    let rows: String = rows.collect();
    format!(
        "<div class=\"scroll\"><table>\n<tr><th>{title}</th><th>{of}</th></tr>\n{rows}</table></div>\n"
    )
}
