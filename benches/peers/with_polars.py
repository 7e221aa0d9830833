"""Polars: a lazy scan, sunk into a Parquet file."""

import os
import sys

# Read once, when the library is loaded.
os.environ["POLARS_MAX_THREADS"] = sys.argv[4]

import polars as pl  # noqa: E402
import workload  # noqa: E402

TYPES = {
    "text": pl.String,
    "int16": pl.Int16,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "bool": pl.Boolean,
    "time": pl.String,
    "millis": pl.Int64,
    "money": pl.String,
}


def work(form, objects, to, threads):
    # The malformed field is read as text, so that its line is set aside; and money, which is exact only so.
    read = {name: pl.String if name == workload.MALFORMED else TYPES[kind] for name, kind in workload.COLUMNS}
    if form == "csv":
        frame = pl.scan_csv(objects, schema=read, null_values=[""])
    else:
        schema = {name: kind for name, kind in read.items() if name not in workload.NESTED}
        screen = pl.Struct({"w": pl.Int16, "h": pl.Int16})
        texts = dict.fromkeys(("os", "os_version", "model"), pl.String)
        schema["device"] = pl.Struct({**texts, "screen": screen})
        frame = pl.scan_ndjson(objects, schema=schema)
    selected = []
    for name, kind in workload.COLUMNS:
        first, *rest = (name,) if form == "csv" else workload.NESTED.get(name, (name,))
        value = pl.col(first)
        for field in rest:
            value = value.struct.field(field)
        if kind == "millis":
            value = pl.from_epoch(value, "ms").cast(pl.Datetime("us"))
        elif kind == "time":
            value = value.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")
        elif kind == "money":
            value = value.cast(pl.Decimal(12, 2))
        elif name == workload.MALFORMED:
            value = value.cast(pl.Int16, strict=False)
        selected.append(value.alias(name))
    file = to / "rows.parquet"
    rows = frame.select(selected).filter(pl.col(workload.MALFORMED).is_between(1, 100))
    rows.sink_parquet(file, compression="zstd", compression_level=1)
    return pl.scan_parquet(file).select(pl.len()).collect().item(), None


workload.main("polars", work)
