"""dlt: records as Python objects, normalised and written as Parquet by its filesystem destination, compressed as dlt does."""

import csv
import gzip
import os
import tempfile

import dlt
import orjson
import pyarrow.parquet as pq
import workload

TYPES = {
    "text": {"data_type": "text"},
    "int16": {"data_type": "bigint", "precision": 16},
    "int32": {"data_type": "bigint", "precision": 32},
    "int64": {"data_type": "bigint"},
    "money": {"data_type": "decimal", "precision": 12, "scale": 2},
    "bool": {"data_type": "bool"},
    "time": {"data_type": "timestamp"},
    "millis": {"data_type": "timestamp"},
}
PIECE = 5_000


def records(form, objects):
    for path in objects:
        with gzip.open(path, "rt" if form == "csv" else "rb") as lines:
            if form == "csv":
                yield from ({name: text or None for name, text in row.items()} for row in csv.DictReader(lines))
            else:
                yield from (flat(orjson.loads(line)) for line in lines)


def flat(record):
    for name, (_, *path) in workload.NESTED.items():
        value = record["device"]
        for field in path:
            value = value[field]
        record[name] = value
    del record["device"]
    return record


def work(form, objects, to, threads):
    rejected = 0

    def pieces():
        nonlocal rejected
        piece = []
        for record in records(form, objects):
            # Its contracts set a line aside only where the type of a value contradicts the column, which a CSV's texts never do.
            quantity = record[workload.MALFORMED]
            if isinstance(quantity, str) and not quantity.isdecimal():
                rejected += 1
                continue
            record["received_ms"] = float(record["received_ms"]) / 1000
            piece.append(record)
            if len(piece) == PIECE:
                yield piece
                piece = []
        yield piece

    os.environ["NORMALIZE__WORKERS"] = str(threads)
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    # Of its own each: dlt writes into them.
    columns = {name: dict(TYPES[kind]) for name, kind in workload.COLUMNS}
    with tempfile.TemporaryDirectory() as state:
        destination = dlt.destinations.filesystem(bucket_url=to.absolute().as_uri())
        pipeline = dlt.pipeline("whole", destination=destination, dataset_name="rows", pipelines_dir=state)
        resource = dlt.resource(pieces, name="events", columns=columns)
        pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()
    return sum(pq.read_metadata(file).num_rows for file in to.glob("rows/events/*.parquet")), rejected


workload.main("dlt", work)
