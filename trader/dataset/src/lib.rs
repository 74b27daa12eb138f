//! The dataset of candidate trades crash-safe Parquet files with a manifest.
