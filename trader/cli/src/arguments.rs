//! What can be asked of the command, with examples.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use triptych_dataset::labels::Definition;
use triptych_dataset::labels::definition::{BasisPoints, DefinitionName};
use triptych_market_data::recording::{Pace, Passes};

use crate::backtest::BacktestArguments;
use crate::object_store::{Place, PullArguments, PushArguments, StoreOptions};
use crate::output::Format;
use crate::trading_report::ReportArguments;

/// Runs a trader of W or R, hashes and validates configurations, replays recordings, serves tapes,
/// and looks into datasets.
///
/// The observing tier, ABH, is the executable `trader-observe`.
#[derive(Debug, Parser)]
#[command(
    name = "trader",
    version,
    after_help = "\
Exit codes: 0 all well; 1 something was found wrong; 64 bad usage; 65 configuration invalid or not
implemented by this build; 66 a file cannot be read; 69 an object store cannot be used; 70 internal error; 74 output cannot be written."
)]
pub(crate) struct Trader {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the trader of a pod of tier W or R, with the orders of what it accepts.
    ///
    /// Everything is read from the environment; there are no options.
    #[command(after_help = triptych_trader_run::help())]
    Run,
    /// Prints the hash of a configuration.
    Hash(HashArguments),
    /// Checks manifests as the API server would, and whether this build can run them.
    Validate(ValidateArguments),
    /// Runs a configuration over a recording and prints what it would have traded.
    Replay(ReplayArguments),
    /// Runs a configuration over recordings, fills its orders by a model, and says what it earned.
    Backtest(BacktestArguments),
    /// Compares what two traders of one configuration decided, and names where they first diverge.
    Parity(ParityArguments),
    /// Shows W and R side by side, where they differ and why, and what ABH saw that risk denied.
    Report(ReportArguments),
    /// Measures how fast this build decides on this machine.
    Bench(BenchArguments),
    /// Serves or writes a market for whoever has none at hand.
    Tape {
        #[command(subcommand)]
        command: TapeCommand,
    },
    /// Looks into a dataset of potential trades.
    Dataset {
        #[command(subcommand)]
        command: DatasetCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TapeCommand {
    /// Serves a recording, or a generated market, as the venue's public endpoints would.
    Serve(ServeArguments),
    /// Writes a generated market to a file, in the format of a recording.
    Record(RecordArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// Compares every file with the manifest.
    Verify(VerifyArguments),
    /// Prints the first candidates with each rule's verdict.
    Show(ShowArguments),
    /// Puts the many small files of each folder together.
    Compact(CompactArguments),
    /// Writes down what became of each candidate: returns net of fees, triple barrier, excursions.
    Label(LabelArguments),
    /// Answers a question in SQL.
    Query(QueryArguments),
    /// Counts candidates by strategy and denials by rule, and says what denying earned or saved.
    Summary(SummaryArguments),
    /// Copies a dataset to an S3-compatible object store, also while it is written.
    Push(PushArguments),
    /// Copies a dataset from an object store.
    Pull(PullArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The hash is the SHA-256 of the canonical JSON (RFC 8785) of `spec`: the hash that `kubectl get cr`
shows, that the pod attests, and that `sha256sum` gives for the mounted config.json.

Examples:
  trader hash revision.yaml
  kubectl get configrevision momentum-7 -o json | trader hash -
  trader hash -o json revision.yaml")]
pub(crate) struct HashArguments {
    /// Manifests in YAML or JSON, or a bare spec; `-` reads standard input. Of several documents
    /// each ConfigRevision is hashed.
    pub(crate) file: PathBuf,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Says what the API server would refuse, in its words, without one; then whether this build implements
every strategy and rule that a ConfigRevision names.

Examples:
  trader validate revision.yaml
  trader validate examples/quickstart/revisions.yaml && kubectl apply -k examples/quickstart")]
pub(crate) struct ValidateArguments {
    /// Manifests in YAML or JSON, or a bare spec; `-` reads standard input. Documents of other kinds
    /// are passed over.
    pub(crate) file: PathBuf,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Time comes from the recording: the result is the same at every speed. The digest in the last line
is equal exactly where every decision is.

Examples:
  trader replay revision.yaml binance_spot_btcusdt.gz
  trader replay revision.yaml binance_spot_btcusdt.gz --out ./dataset && trader dataset show ./dataset
  trader replay revision.yaml --generate 7 --events 1000000")]
pub(crate) struct ReplayArguments {
    /// The ConfigRevision, in YAML or JSON; `-` reads standard input.
    pub(crate) revision: PathBuf,
    /// The recording: `<nanoseconds> <message of the venue>` a line, plain or gzipped.
    #[arg(required_unless_present = "generate", conflicts_with = "generate")]
    pub(crate) recording: Option<PathBuf>,
    /// Instead of a recording, the generated market of this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) generate: Option<u64>,
    /// Ends after so many events; a generated market ends after 100,000 where this is not given.
    #[arg(long, value_name = "COUNT")]
    pub(crate) events: Option<NonZeroU64>,
    /// Which of several ConfigRevisions in the file, by name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Writes the dataset into this directory; nothing is written without it.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) out: Option<PathBuf>,
    /// `max`, or how many times as fast as recorded.
    #[arg(long, default_value = "max")]
    pub(crate) speed: Pace,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Measures reading and parsing, deciding, the whole path from the file to a closed Parquet dataset, and how
long each frame alone takes to its decision. A machine that does other things measures those too: compare
what was measured in one run. `make bench` puts other programs beside it; docs/benchmarks.md explains both.

Examples:
  gunzip --keep recording.gz && trader bench revision.yaml recording
  trader bench revision.yaml recording --runs 21 --scaling -o json")]
pub(crate) struct BenchArguments {
    /// The ConfigRevision, in YAML or JSON; its instruments are those of the recording.
    pub(crate) revision: PathBuf,
    /// The recording, not compressed: unpacking is not what is measured.
    pub(crate) recording: PathBuf,
    /// How often each part runs; the median counts.
    #[arg(long, value_name = "COUNT", default_value = "9")]
    pub(crate) runs: NonZeroU32,
    /// Measures as well what 1 to 1,000 instruments, 1 to 32 strategies and each rule cost.
    #[arg(long)]
    pub(crate) scaling: bool,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Candidates are paired by their identity, which is the same for traders that decide from the same feed.
The trade, every rule's verdict and what enforcement made of them have to be equal; a number that a rule
observed at the moment of receipt may differ, and is counted apart. The exit code is 1 where they diverge.

Examples:
  trader parity ./writer ./mirror
  trader parity ./mirror ./observer -o json | jq .first
  trader replay revision.yaml recording.gz --out ./again && trader parity ./observer ./again")]
pub(crate) struct ParityArguments {
    /// A dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) left: Place,
    /// The one that it is compared with.
    pub(crate) right: Place,
    /// Compares from the first to the last candidate of either, for runs over the same recording;
    /// without it, for each strategy on each instrument, what lies between the first and the last
    /// candidate that both have.
    #[arg(long)]
    pub(crate) whole: bool,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Speaks the venue's public protocol: WebSocket /stream?streams=btcusdt@depth@100ms/btcusdt@trade and
/ws/<stream>, REST /api/v3/depth, exchangeInfo, time and ping. No account, no orders. Logs go to
standard error; TRIPTYCH_LOG filters them (debug, info, warn).

Examples:
  trader tape serve --generate 7
  trader tape serve --recording binance_spot_btcusdt.gz --repeat forever --speed 10
  curl http://127.0.0.1:9443/api/v3/depth?symbol=BTCUSDT&limit=5")]
pub(crate) struct ServeArguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9443")]
    pub(crate) listen: SocketAddr,
    /// Plays this recording, plain or gzipped.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "generate",
        conflicts_with = "generate"
    )]
    pub(crate) recording: Option<PathBuf>,
    /// Plays the generated market of this seed, without end.
    #[arg(long, value_name = "SEED")]
    pub(crate) generate: Option<u64>,
    /// Instruments of the generated market.
    #[arg(
        long,
        value_name = "SYMBOLS",
        value_delimiter = ',',
        default_value = "BTCUSDT",
        conflicts_with = "recording"
    )]
    pub(crate) instruments: Vec<String>,
    /// `max`, or how many times as fast as recorded.
    #[arg(long, default_value = "1")]
    pub(crate) speed: Pace,
    /// How often the recording is played: a number, or `forever` (also 0).
    #[arg(long, default_value = "1", value_parser = passes, conflicts_with = "generate")]
    pub(crate) repeat: Passes,
    /// Begins once so many clients are connected.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) wait_for_clients: usize,
    /// Fault on purpose: cuts every connection each so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) cut_every: Option<NonZeroU32>,
    /// Fault on purpose: leaves out every n-th depth diff.
    #[arg(long, value_name = "N")]
    pub(crate) drop_every: Option<NonZeroU32>,
    /// Fault on purpose: sends garbage after every n-th message.
    #[arg(long, value_name = "N")]
    pub(crate) garbage_every: Option<NonZeroU32>,
    /// Fault on purpose: answers every n-th depth request with 429.
    #[arg(long, value_name = "N")]
    pub(crate) throttle_every: Option<NonZeroU32>,
}

fn passes(text: &str) -> Result<Passes, String> {
    match text {
        "0" => Ok(Passes::Forever),
        _ => text.parse().map_err(|error| format!("{error}")),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  trader tape record --generate 7 --events 100000 market.txt && gzip market.txt")]
pub(crate) struct RecordArguments {
    /// The file to write; it must not exist.
    pub(crate) file: PathBuf,
    /// Seed of the generated market; the same seed gives the same file.
    #[arg(long, value_name = "SEED")]
    pub(crate) generate: u64,
    /// Number of events.
    #[arg(long, value_name = "COUNT", default_value = "100000")]
    pub(crate) events: NonZeroU64,
    /// Instruments of the market.
    #[arg(
        long,
        value_name = "SYMBOLS",
        value_delimiter = ',',
        default_value = "BTCUSDT"
    )]
    pub(crate) instruments: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Reads every file. A loss on record (a gap) is no fault; a file that is missing, changed, unreadable or
unlisted is one, and the exit code is 1. A writer may be at work meanwhile.

Example:
  trader dataset verify /var/lib/triptych -o json")]
pub(crate) struct VerifyArguments {
    /// The dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) dataset: Place,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A cell under a rule says pass, DENY, or the smaller size with which the rule lets the trade pass. FINAL
is what enforcing every rule would make of the trade.
docs/risk-rules.md explains every rule, docs/dataset.md every column.

Examples:
  trader dataset show ./dataset --limit 20
  trader dataset show ./dataset --limit 3 --verdicts
  trader dataset show ./dataset -o json | jq '.[0].verdicts'")]
pub(crate) struct ShowArguments {
    /// The dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) dataset: Place,
    /// Number of candidates, from the earliest on.
    #[arg(short = 'n', long, default_value_t = 10)]
    pub(crate) limit: usize,
    /// Prints what each rule observed and allows, a line each.
    #[arg(long)]
    pub(crate) verdicts: bool,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Reads what followed from recordings and writes labels/definition=<name>/ beside the candidates, which
stay as they are. What cannot be known yet, because a recording ends before, is empty and says why; a
later run with a longer recording completes it. Recordings have to follow each other. A trader may be
at work meanwhile. docs/dataset.md has every formula.

Examples:
  trader dataset label ./dataset binance_spot_btcusdt.gz
  trader dataset label ./dataset monday.gz tuesday.gz --definition vip --fee-basis-points 2.5
  trader dataset label ./dataset   # only what the candidates' own prices tell")]
pub(crate) struct LabelArguments {
    /// The dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) dataset: Place,
    /// Recordings of the time of the candidates and after; none: the candidates' own prices.
    pub(crate) recordings: Vec<PathBuf>,
    /// Name of the labels. Those of other fees or barriers need another name.
    #[arg(long, value_name = "NAME", default_value_t = Definition::standard().name)]
    pub(crate) definition: DefinitionName,
    /// Fee of each of the two trades, in basis points of its value.
    #[arg(long, value_name = "NUMBER", default_value_t = Definition::standard().fee_basis_points)]
    pub(crate) fee_basis_points: BasisPoints,
    /// Distance of the barriers from the entry, for candidates without a stop or a target.
    #[arg(long, value_name = "NUMBER", default_value_t = Definition::standard().barrier_basis_points)]
    pub(crate) barrier_basis_points: BasisPoints,
    /// Seconds until the triple barrier ends; also the window of the excursions.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = value_parser!(u32).range(1..),
        default_value_t = Definition::standard().barrier_seconds
    )]
    pub(crate) barrier_seconds: u32,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
With labels (trader dataset label) it also says what denied trades would have earned, net of fees: a
mean below zero is what the rule saved. Intervals come from a circular block bootstrap, because windows
that overlap move together; docs/dataset.md explains it. EARNED is in the quote asset, of all labelled
trades as proposed, by instrument; denying them saved the opposite.

Examples:
  trader dataset summary ./dataset
  trader dataset summary ./dataset --measure 5m --html rules.html
  trader dataset summary ./dataset -o json | jq '.outcomes.rules[0].denied'")]
pub(crate) struct SummaryArguments {
    /// The dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) dataset: Place,
    /// Name of the labels.
    #[arg(long, value_name = "NAME", default_value_t = Definition::standard().name)]
    pub(crate) definition: DefinitionName,
    /// Which return the table shows; JSON and HTML have all.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) measure: Measure,
    /// Writes a page with plots to this file: one file, without links.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A trader may write and readers may read meanwhile. What counts is the manifest: a file is removed once
the manifest names the one that replaces it. Whoever reads by a pattern instead may for a moment see both;
run it when nobody does, or read with `trader dataset`. Killed, it loses nothing: run it again.

Examples:
  trader dataset compact ./dataset
  trader dataset compact /var/lib/triptych --rows-at-most 250000")]
pub(crate) struct CompactArguments {
    /// The dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) dataset: Place,
    /// Rows of a file at most; files with as many are left as they are.
    #[arg(long, value_name = "COUNT", default_value = "1000000")]
    pub(crate) rows_at_most: NonZeroU64,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The tables are `candidates` and, once there are some, `executions` and `labels`: exactly the files that
count, so that a compaction meanwhile changes no answer. DuckDB's command answers; it is no part of this program
(`pip install duckdb-cli`). docs/dataset.md describes every column.

Examples:
  trader dataset query ./dataset \"select strategy, count(*) from candidates group by all\"
  trader dataset query ./dataset -o json \"select v.rule, count(*) from
    (select unnest(verdicts) as v from candidates) where not v.pass group by all\"")]
pub(crate) struct QueryArguments {
    /// The dataset's directory, or s3://BUCKET/PREFIX.
    pub(crate) dataset: Place,
    /// The question.
    pub(crate) sql: String,
    /// DuckDB's command, by name or path.
    #[arg(long, value_name = "PATH", default_value = "duckdb")]
    pub(crate) duckdb: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// What a denied trade is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Measure {
    /// Its return after a minute.
    #[default]
    #[value(name = "1m")]
    OneMinute,
    /// After five minutes.
    #[value(name = "5m")]
    FiveMinutes,
    /// After an hour.
    #[value(name = "1h")]
    OneHour,
    /// After a day.
    #[value(name = "1d")]
    OneDay,
    /// At the first barrier that it met.
    #[value(name = "barrier")]
    Barrier,
}
