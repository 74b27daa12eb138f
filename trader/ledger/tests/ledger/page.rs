//! docs/ledger.md says what is there.

use crate::journal::a_day;
use crate::open;
use crate::stores::stores;

const PAGE: &str = include_str!("../../../../docs/ledger.md");

#[test]
fn the_queries_of_the_page_answer_on_every_database() {
    let queries: Vec<&str> = PAGE
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().trim())
        .collect();
    // Positions; orders that nobody can say anything about; where the venue counts otherwise; fills of a day.
    let expected = [1, 0, 0, 4];
    assert_eq!(queries.len(), expected.len());
    for store in stores() {
        let place = store.empty();
        open(&place).write(&a_day(6)).unwrap();
        let mut session = place.connect().unwrap();
        for (query, expected) in queries.iter().zip(expected) {
            let query = query.trim_end_matches(';');
            let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM ({query}) AS answer");
            let rows = session.rows(count.leak(), &[]).unwrap();
            assert_eq!(
                rows[0][0],
                Some(expected.to_string()),
                "{}: {query}",
                store.name
            );
        }
    }
}

#[test]
fn the_page_names_every_column() {
    let schema = include_str!("../../src/migrations/1_orders.sql");
    for line in schema.lines().filter(|line| line.starts_with("  ")) {
        let column = line.trim().split(' ').next().unwrap();
        if column != "one" {
            assert!(PAGE.contains(&format!("`{column}`")), "{column}");
        }
    }
}
