"""pandas, which reads by itself and writes by PyArrow; in pieces, as an object as a whole takes too much memory."""

import decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import workload

TYPES = {
    "text": pa.string(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "money": pa.decimal128(12, 2),
    "bool": pa.bool_(),
    "time": pa.timestamp("us"),
    "millis": pa.timestamp("us"),
}
SCHEMA = pa.schema([(name, TYPES[kind]) for name, kind in workload.COLUMNS])
PIECE = 20_000
CENTS = decimal.Decimal("0.01")


def pieces(form, path):
    if form == "csv":
        texts = {name: "string" for name, kind in workload.COLUMNS if kind == "text"}
        converters = {name: money for name, kind in workload.COLUMNS if kind == "money"}
        return pd.read_csv(path, compression="gzip", dtype=texts, converters=converters, chunksize=PIECE)
    return pd.read_json(path, lines=True, compression="gzip", dtype=False, chunksize=PIECE, precise_float=True)


def money(text):
    return decimal.Decimal(text) if text else None


def typed(piece, form):
    columns = {}
    if form != "csv":
        # Far faster than json_normalize, which is for nesting that is not known.
        device = pd.DataFrame.from_records(piece["device"].tolist(), index=piece.index)
        screen = pd.DataFrame.from_records(device["screen"].tolist(), index=piece.index)
        nested = {name: device[name] for name in ("os", "os_version", "model")}
        nested |= {"screen_w": screen["w"], "screen_h": screen["h"]}
    for name, kind in workload.COLUMNS:
        values = nested[name] if form != "csv" and name in workload.NESTED else piece[name]
        if kind == "millis":
            values = pd.to_datetime(values, unit="ms")
        elif kind == "time":
            values = pd.to_datetime(values, format="ISO8601").dt.tz_localize(None)
        elif kind == "money" and form != "csv":
            values = values.map(lambda value: decimal.Decimal(value).quantize(CENTS), na_action="ignore")
        elif name == workload.MALFORMED:
            values = pd.to_numeric(values, errors="coerce")
        columns[name] = values
    frame = pd.DataFrame(columns)
    return frame[frame[workload.MALFORMED].between(1, 100)]


def work(form, objects, to, threads):
    rows = rejected = 0
    with pq.ParquetWriter(to / "rows.parquet", SCHEMA, compression="zstd", compression_level=1) as writer:
        for path in objects:
            with pieces(form, path) as reader:
                for piece in reader:
                    kept = typed(piece, form)
                    writer.write_table(pa.Table.from_pandas(kept, SCHEMA, preserve_index=False, nthreads=threads))
                    rows += len(kept)
                    rejected += len(piece) - len(kept)
    return rows, rejected


workload.main("pandas", work)
