//! docs/dataset.md names every column of every table, with its type.

use std::fs;
use std::path::Path;

use arrow::datatypes::DataType;
use triptych_dataset::executions::EXECUTIONS;
use triptych_dataset::labels::table::LABELS;
use triptych_dataset::schema::CANDIDATES;

#[test]
fn the_documentation_names_every_column_of_every_table_with_its_type() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dataset.md");
    let page = fs::read_to_string(page).expect("docs/dataset.md");
    for (table, fields) in [
        ("candidates", CANDIDATES.fields()),
        ("labels", LABELS.fields()),
        ("executions", EXECUTIONS.fields()),
    ] {
        let heading = format!("## Columns of `{table}`\n");
        let (_, section) = page.split_once(&heading).expect("a section");
        let section = section.split("\n## ").next().expect("a section");
        let documented: Vec<(&str, &str)> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|line| line.split_once("` | "))
            .filter_map(|(name, rest)| Some((name, rest.split_once(" | ")?.0)))
            .collect();
        let columns: Vec<(&str, String)> = fields
            .iter()
            .map(|field| (field.name().as_str(), type_name(field.data_type())))
            .collect();
        assert_eq!(documented.len(), columns.len(), "{table}");
        for ((name, kind), (column, data_type)) in documented.iter().zip(&columns) {
            assert_eq!((*name, *kind), (*column, data_type.as_str()), "{table}");
        }
    }
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Timestamp(_, _) => "timestamp (µs, UTC)".to_owned(),
        DataType::Decimal128(digits, decimals) => format!("decimal({digits}, {decimals})"),
        DataType::Map(_, _) => "map(string, double)".to_owned(),
        DataType::List(_) => "list(struct)".to_owned(),
        DataType::Struct(_) => "struct".to_owned(),
        other => panic!("a type without a name: {other}"),
    }
}
