//! `trader report` on what W and R did at a venue.

use std::process::Command;

use serde_json::Value;
use triptych_engine::decimal::Quantity;
use triptych_engine::event::Side;
use triptych_engine::measure::Measure;
use triptych_venue::VenueTrade;

use crate::PROGRAM;
use crate::api_server::ApiServer;
use crate::orders::{SYMBOLS, halt_and_settle, trading_pod};
use crate::process::Pod;
use crate::simulated_venue::{SimulatedVenue, count};

fn report(live: &Pod, demo: &Pod, further: &[&str]) -> String {
    let output = Command::new(PROGRAM.path)
        .arg("report")
        .args([live.data(), demo.data()])
        .args(further)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What these fills leave of the base asset, after fees that were paid in it.
fn held(fills: &[&VenueTrade], symbol: &str) -> String {
    let of_fill = |fill: &&VenueTrade| {
        let quantity = Measure::from(Quantity::from_units(fill.quantity.units())).units();
        let sign = if fill.side == Side::Buy { 1 } else { -1 };
        let is_base = symbol.starts_with(&*fill.fee_asset);
        sign * quantity - if is_base { fill.fee.units() } else { 0 }
    };
    Measure::from_units(fills.iter().map(of_fill).sum()).to_string()
}

#[test]
fn a_report_puts_w_and_r_side_by_side_and_agrees_with_the_venue_to_the_last_digit() {
    let venue = SimulatedVenue::start();
    let traders = ["W", "R"].map(|tier| {
        let api_server = ApiServer::start();
        let (pod, side) = trading_pod(&venue, &api_server, tier);
        let trader = pod.start();
        (pod, side, api_server, trader)
    });
    let [live, demo] = traders.map(|(pod, side, api_server, trader)| {
        trader.wait_for("fills", |status| count(status, "fills") > 3);
        halt_and_settle(&trader, &api_server);
        let there = venue.account(side, &SYMBOLS);
        let (exit, log) = trader.terminate();
        assert!(exit.success(), "{log:?}");
        (pod, there)
    });
    let told: Value = serde_json::from_str(&report(&live.0, &demo.0, &["-o", "json"])).unwrap();
    for (name, (_, there)) in [("live", &live), ("demo", &demo)] {
        for symbol in SYMBOLS {
            let fills = there.fills.iter().filter(|fill| &*fill.symbol == symbol);
            let fills: Vec<&VenueTrade> = fills.collect();
            let instrument = &told[name]["instruments"][symbol];
            let counted = instrument["fills"].as_u64().unwrap_or_default();
            assert_eq!(counted, fills.len() as u64, "{name} {symbol}: {instrument}");
            if counted > 0 {
                let position = instrument["position"].as_str().unwrap();
                assert_eq!(position, held(&fills, symbol), "{name} {symbol}");
            }
        }
    }
    let filled_by_live: u64 = ["bothFilled"]
        .iter()
        .map(|class| told["orders"][class].as_u64().unwrap())
        .chain(
            told["orders"]["onlyLeft"]
                .as_object()
                .unwrap()
                .values()
                .map(|count| count.as_u64().unwrap()),
        )
        .sum();
    assert!(filled_by_live > 0, "{}", told["orders"]);

    let page = live.0.path("report.html");
    let hypothesis = demo.0.data();
    let words = [
        "--html",
        page.to_str().unwrap(),
        "--hypothesis",
        hypothesis.to_str().unwrap(),
    ];
    let text = report(&live.0, &demo.0, &words);
    assert!(
        text.contains("decisions: ") && text.contains("profit"),
        "{text}"
    );
    let page = std::fs::read_to_string(page).unwrap();
    for part in [
        "W and R side by side",
        "Equity",
        "Exposure against its limit",
        "Fills on the price",
        "Where they differ, and why",
        "What ABH saw that risk denied",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for link in ["http:", "https:", "href", "src="] {
        assert!(!page.contains(link), "{link} in the page");
    }
}
