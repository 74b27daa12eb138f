"""Counts the rows of s3://desk/abh with Polars and with pyarrow: ADDRESS KEY SECRET."""

import json
import sys
from collections import Counter

import polars
import pyarrow.dataset
import pyarrow.fs

address, key, secret = sys.argv[1:]

frame = polars.scan_parquet(
    "s3://desk/abh/candidates/**/*.parquet",
    hive_partitioning=True,
    storage_options={
        "aws_endpoint_url": address,
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
    },
).select("strategy", "candidate_id").collect()

store = pyarrow.fs.S3FileSystem(
    access_key=key,
    secret_key=secret,
    scheme="http",
    endpoint_override=address.removeprefix("http://"),
    region="us-east-1",
)
dataset = pyarrow.dataset.dataset(
    "desk/abh/candidates", filesystem=store, format="parquet", partitioning="hive"
)
table = dataset.to_table(columns=["strategy", "candidate_id"])

print(
    json.dumps(
        {
            "polars": frame.height,
            "polarsByStrategy": dict(sorted(Counter(frame["strategy"]).items())),
            "pyarrow": table.num_rows,
            "pyarrowByStrategy": dict(sorted(Counter(table["strategy"].to_pylist()).items())),
        }
    )
)
