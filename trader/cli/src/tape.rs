//! `trader tape serve` and `record`.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::tape::{Faults, TapeOptions, TapeSource, serve_until_signal};
use triptych_market_data::wire::recorded_line;

use crate::arguments::{RecordArguments, ServeArguments};
use crate::failure::Failure;

/// Serves until the process is asked to end.
pub(crate) fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    let options = TapeOptions {
        pace: arguments.speed,
        faults: Faults {
            cut_every: arguments
                .cut_every
                .map(|every| Duration::from_secs(every.get().into())),
            drop_every: arguments.drop_every,
            garbage_every: arguments.garbage_every,
            throttle_every: arguments.throttle_every,
        },
        wait_for_clients: arguments.wait_for_clients,
        ..TapeOptions::new(arguments.listen, source(arguments)?)
    };
    log_to_standard_error();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Internal(format!("asynchronous runtime: {error}")))?;
    eprintln!(
        "trader: tape on {}; ends with SIGTERM or Ctrl-C",
        options.listen
    );
    Ok(runtime.block_on(serve_until_signal(options))?)
}

fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env("TRIPTYCH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(filter)
        .init();
}

fn source(arguments: &ServeArguments) -> Result<TapeSource, Failure> {
    match (&arguments.recording, arguments.generate) {
        (Some(path), _) => Ok(TapeSource::Recording {
            path: path.clone(),
            passes: arguments.repeat,
        }),
        (None, Some(seed)) => Ok(TapeSource::Generator {
            seed,
            instruments: instruments(&arguments.instruments)?,
        }),
        (None, None) => Err(Failure::Usage(
            "one of --recording and --generate is needed".into(),
        )),
    }
}

fn instruments(symbols: &[String]) -> Result<Instruments, Failure> {
    Instruments::parse(symbols).map_err(|error| Failure::Usage(format!("--instruments: {error}")))
}

/// Writes a generated market to a file.
pub(crate) fn record(arguments: &RecordArguments) -> Result<(), Failure> {
    let instruments = instruments(&arguments.instruments)?;
    let unwritable = |source| Failure::Unwritable {
        path: arguments.file.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&arguments.file)
        .map_err(unwritable)?;
    let mut file = BufWriter::new(file);
    let generator = Generator::new(arguments.generate, &instruments, DEFAULT_START);
    let most = usize::try_from(arguments.events.get()).unwrap_or(usize::MAX);
    for event in generator.take(most) {
        if let Some(line) = recorded_line(&event, instruments.symbol(event.instrument)) {
            writeln!(file, "{line}").map_err(unwritable)?;
        }
    }
    file.flush().map_err(unwritable)
}
