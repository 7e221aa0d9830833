"""PyArrow: its own readers of JSON and CSV, an object at a time."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
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
# What is read before it is made what it is to be.
READ = {"millis": pa.int64(), "time": pa.timestamp("ms", "UTC")}


def read_csv(path):
    types = {name: READ.get(kind, TYPES[kind]) for name, kind in workload.COLUMNS}
    types[workload.MALFORMED] = pa.string()
    options = pa.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    return pa.csv.read_csv(path, convert_options=options)


def read_json(path):
    # A number is no decimal to its reader, and a field of two types fails the whole read: the workload without malformed lines.
    flat = {
        name: pa.float64() if kind == "money" else pa.timestamp("ms") if kind == "time" else READ.get(kind, TYPES[kind])
        for name, kind in workload.COLUMNS
        if name not in workload.NESTED
    }
    screen = pa.struct([("w", pa.int16()), ("h", pa.int16())])
    flat["device"] = pa.struct(
        [("os", pa.string()), ("os_version", pa.string()), ("model", pa.string()), ("screen", screen)]
    )
    options = pa.json.ParseOptions(explicit_schema=pa.schema(list(flat.items())), unexpected_field_behavior="ignore")
    with pa.CompressedInputStream(path, "gzip") as stream:
        return pa.json.read_json(stream, parse_options=options)


def column(table, form, name, kind):
    first, *rest = (name,) if form == "csv" else workload.NESTED.get(name, (name,))
    values = table[first]
    for field in rest:
        values = pc.struct_field(values, field)
    if kind == "millis":
        values = values.cast(pa.timestamp("ms"))
    elif kind == "money" and form != "csv":
        values = pc.round(values, 2)
    return values.cast(TYPES[kind])


def work(form, objects, to, threads):
    pa.set_cpu_count(threads)
    pa.set_io_thread_count(threads)
    rows = rejected = 0
    with pq.ParquetWriter(to / "rows.parquet", SCHEMA, compression="zstd", compression_level=1) as writer:
        for path in objects:
            table = read_csv(path) if form == "csv" else read_json(path)
            read = len(table)
            if form == "csv":
                table = table.filter(pc.match_substring_regex(table[workload.MALFORMED], "^[0-9]{1,4}$"))
            table = pa.table([column(table, form, name, kind) for name, kind in workload.COLUMNS], schema=SCHEMA)
            in_bounds = pc.and_(pc.greater_equal(table["quantity"], 1), pc.less_equal(table["quantity"], 100))
            table = table.filter(in_bounds)
            writer.write_table(table)
            rows += len(table)
            rejected += read - len(table)
    return rows, rejected


workload.main("pyarrow", work)
