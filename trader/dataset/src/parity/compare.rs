//! One pair: what differs between two traders' decisions on the same candidate.

use serde::Serialize;

use crate::read::{Row, VerdictRow};

/// A part of the decision that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Which: a column, or `<column>.<rule>.<field>` of a verdict.
    pub field: String,
    /// What it is on the left.
    pub left: String,
    /// What it is on the right.
    pub right: String,
}

/// The comparison of a pair.
pub(super) struct Compared {
    /// Parts of the decision that differ.
    pub(super) differences: Vec<Difference>,
    /// Whether a rule observed another number.
    pub(super) observed_otherwise: bool,
}

/// Compares two rows of the same candidate.
pub(super) fn compare(left: &Row, right: &Row) -> Compared {
    let mut found = Found::default();
    found.field("bid", &left.bid, &right.bid);
    found.field("ask", &left.ask, &right.ask);
    found.field("touch", &left.touch, &right.touch);
    found.field("order_type", &left.order_type, &right.order_type);
    found.field("quantity", &left.quantity, &right.quantity);
    found.optional("stop", left.stop.as_ref(), right.stop.as_ref());
    found.optional("target", left.target.as_ref(), right.target.as_ref());
    let by_enforced = found.verdicts("verdicts", &left.verdicts, &right.verdicts);
    let by_all_taken = found.verdicts(
        "verdicts_all_taken",
        &left.verdicts_all_taken,
        &right.verdicts_all_taken,
    );
    found.optional(
        "first_deny",
        left.first_deny.as_ref(),
        right.first_deny.as_ref(),
    );
    found.field(
        "final_if_enforced",
        &left.final_if_enforced,
        &right.final_if_enforced,
    );
    found.field(
        "final_quantity",
        &left.final_quantity,
        &right.final_quantity,
    );
    Compared {
        differences: found.differences,
        observed_otherwise: by_enforced || by_all_taken,
    }
}

#[derive(Default)]
struct Found {
    differences: Vec<Difference>,
}

impl Found {
    fn field<T: PartialEq + ToString>(&mut self, name: &str, left: &T, right: &T) {
        if left != right {
            self.differences.push(Difference {
                field: name.to_owned(),
                left: left.to_string(),
                right: right.to_string(),
            });
        }
    }

    fn optional<T: PartialEq + ToString>(
        &mut self,
        name: &str,
        left: Option<&T>,
        right: Option<&T>,
    ) {
        let text = |value: Option<&T>| value.map_or_else(|| "none".to_owned(), ToString::to_string);
        if left != right {
            self.field(name, &text(left), &text(right));
        }
    }

    /// Says whether a rule observed another number.
    fn verdicts(&mut self, column: &str, left: &[VerdictRow], right: &[VerdictRow]) -> bool {
        let rules = |verdicts: &[VerdictRow]| {
            let names = verdicts.iter().map(|verdict| verdict.rule.clone());
            names.collect::<Vec<_>>().join(", ")
        };
        self.field(column, &rules(left), &rules(right));
        let mut observed_otherwise = false;
        for (left, right) in left.iter().zip(right) {
            if left.rule != right.rule {
                break;
            }
            self.verdict(column, left, right);
            observed_otherwise |= left.observed != right.observed;
        }
        observed_otherwise
    }

    fn verdict(&mut self, column: &str, left: &VerdictRow, right: &VerdictRow) {
        let name = |field: &str| format!("{column}.{}.{field}", left.rule);
        self.field(&name("version"), &left.version, &right.version);
        self.field(&name("pass"), &left.pass, &right.pass);
        self.optional(&name("limit"), left.limit.as_ref(), right.limit.as_ref());
        self.optional(
            &name("resized_qty"),
            left.resized_qty.as_ref(),
            right.resized_qty.as_ref(),
        );
        self.optional(
            &name("deny_code"),
            left.deny_code.as_ref(),
            right.deny_code.as_ref(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rule: &str) -> VerdictRow {
        VerdictRow {
            rule: rule.to_owned(),
            version: 1,
            pass: true,
            observed: Some(triptych_engine::measure::Measure::from_units(5)),
            limit: Some(triptych_engine::measure::Measure::from_units(9)),
            resized_qty: None,
            deny_code: None,
            portfolio: None,
        }
    }

    fn row() -> Row {
        let price = |text: &str| text.parse().unwrap();
        Row {
            candidate_id: "c".into(),
            run_id: "r".into(),
            tier: "W".into(),
            instance: "team/writer".into(),
            config_hash: "h".into(),
            ts_event_ns: Some(1),
            ts_recv_ns: 2,
            ts_decision_ns: 2,
            strategy: "lean".into(),
            instrument: "BTCUSDT".into(),
            trigger: "depth:1".into(),
            side: "Buy".into(),
            order_type: "Limit".into(),
            bid: price("99"),
            ask: price("101"),
            touch: price("101"),
            quantity: "1".parse().unwrap(),
            stop: None,
            target: None,
            confidence: None,
            verdicts: vec![verdict("precision"), verdict("staleData")],
            first_deny: None,
            final_if_enforced: "Accept".into(),
            final_quantity: "1".parse().unwrap(),
            trading_state: None,
            live_ratio: None,
            live_ratio_mode: None,
            taken_quantity: None,
            not_taken: None,
            verdicts_all_taken: vec![verdict("netExposure")],
        }
    }

    /// What differs after a change of the right row.
    fn differing(change: impl Fn(&mut Row)) -> (Vec<String>, bool) {
        let mut right = row();
        change(&mut right);
        let compared = compare(&row(), &right);
        let fields = compared.differences.into_iter();
        (
            fields.map(|difference| difference.field).collect(),
            compared.observed_otherwise,
        )
    }

    #[test]
    fn each_part_of_a_decision_is_named_where_it_differs() {
        type Change = fn(&mut Row);
        let cases: [(&[&str], Change); 10] = [
            (&["bid"], |row| row.bid = "98".parse().unwrap()),
            (&["touch"], |row| row.touch = "102".parse().unwrap()),
            (&["quantity"], |row| row.quantity = "2".parse().unwrap()),
            (&["stop"], |row| row.stop = Some("90".parse().unwrap())),
            (
                &["verdicts.staleData.pass", "verdicts.staleData.deny_code"],
                |row| {
                    row.verdicts[1].pass = false;
                    row.verdicts[1].deny_code = Some("STALE_DATA".into());
                },
            ),
            (&["verdicts.precision.limit"], |row| {
                row.verdicts[0].limit = None;
            }),
            (&["verdicts.precision.version"], |row| {
                row.verdicts[0].version = 2;
            }),
            (&["verdicts_all_taken.netExposure.pass"], |row| {
                row.verdicts_all_taken[0].pass = false;
            }),
            (&["verdicts"], |row| {
                row.verdicts.pop();
            }),
            (&["final_if_enforced", "final_quantity"], |row| {
                row.final_if_enforced = "Resize".into();
                row.final_quantity = "0.5".parse().unwrap();
            }),
        ];
        for (fields, change) in cases {
            assert_eq!(
                differing(change),
                (fields.iter().map(ToString::to_string).collect(), false)
            );
        }
    }

    #[test]
    fn who_decided_when_and_what_a_rule_observed_is_no_difference() {
        let (fields, observed_otherwise) = differing(|row| {
            row.tier = "R".into();
            row.run_id = "another".into();
            row.instance = "team/mirror".into();
            row.ts_recv_ns = 9;
            row.ts_decision_ns = 9;
            row.trading_state = Some("Halted".into());
            row.taken_quantity = Some("0".parse().unwrap());
            row.verdicts[1].observed = None;
        });
        assert_eq!(fields, [""; 0]);
        assert!(observed_otherwise);
    }

    #[test]
    fn the_values_of_both_sides_are_said() {
        let mut right = row();
        right.verdicts[0].deny_code = Some("NOT_A_MULTIPLE".into());
        let differences = compare(&row(), &right).differences;
        assert_eq!(
            differences,
            [Difference {
                field: "verdicts.precision.deny_code".into(),
                left: "none".into(),
                right: "NOT_A_MULTIPLE".into()
            }]
        );
    }
}
