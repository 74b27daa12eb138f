use super::*;
use crate::filesystem::LocalFileSystem;

fn gap(rows: u64, reason: &str) -> Entry {
    Entry::Gap(GapEntry {
        rows: Some(rows),
        rows_at_most: None,
        first_ts_decision_ns: Some(1),
        last_ts_decision_ns: Some(2),
        reason: reason.to_owned(),
    })
}

fn written(lines: &[u8]) -> RunManifest {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    fs::write(&path, lines).unwrap();
    RunManifest::read(&path).unwrap()
}

fn line(entry: &Entry) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).unwrap();
    line.push(b'\n');
    line
}

#[test]
fn whatever_stands_behind_the_last_whole_line_is_torn() {
    let good = [line(&gap(1, "a")), line(&gap(2, "b"))].concat();
    let whole = line(&gap(3, "c"));
    for cut in 0..whole.len() {
        let manifest = written(&[&good[..], &whole[..cut]].concat());
        assert_eq!(manifest.entries.len(), 2, "cut at {cut}");
        assert_eq!(manifest.good_bytes, good.len() as u64);
        assert_eq!(manifest.torn, cut > 0);
        assert!(manifest.damaged_lines.is_empty());
    }
}

#[test]
fn zeros_that_a_lost_write_left_are_torn() {
    let good = line(&gap(1, "a"));
    let manifest = written(&[&good[..], &[0; 100]].concat());
    assert!(manifest.torn && manifest.good_bytes == good.len() as u64);
}

#[test]
fn a_damaged_line_between_good_ones_is_told_apart_from_a_torn_end() {
    let bytes = [
        line(&gap(1, "a")),
        b"garbage\n".to_vec(),
        line(&gap(2, "b")),
    ]
    .concat();
    let manifest = written(&bytes);
    assert_eq!(
        (manifest.entries.len(), manifest.damaged_lines),
        (2, vec![2])
    );
    assert!(!manifest.torn);
}

#[test]
fn gaps_with_one_reason_become_one_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(MANIFEST)).unwrap();
    let run = RunId::parse("run").unwrap();
    let mut writer = ManifestWriter::open(folder.path(), &run).unwrap();
    for entry in [gap(1, "full"), gap(2, "full"), gap(4, "other")] {
        writer.queue(entry);
    }
    writer.write(&LocalFileSystem).unwrap();
    let manifest = &RunManifest::read_all(folder.path()).unwrap()[0];
    let rows: Vec<_> = manifest.gaps().map(|gap| gap.rows).collect();
    assert_eq!(rows, [Some(3), Some(4)]);
}
