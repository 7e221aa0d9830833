"""Prints the rows of Parquet and ORC files as pyarrow reads them, one JSON line a file.

A value is a text: its kind and what it holds, as tests/columnar/rows.rs writes ours. Files of many rows give each `step`th.
"""

import datetime
import decimal
import json
import math
import sys

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

decimal.getcontext().prec = 200
UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
MOST_ROWS = 12_000


def units(number, scale):
    return int(decimal.Decimal(number).scaleb(scale))


def moment_text(nanos, zone):
    seconds, rest = divmod(nanos, 10**9)
    when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return when.strftime("%Y-%m-%dT%H:%M:%S") + fraction + ("Z" if zone else "")


def time_text(nanos):
    seconds, rest = divmod(nanos, 10**9)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def bare(kind, scalar):
    """The storage of an extension type, and its dictionary's value."""
    if isinstance(kind, pa.BaseExtensionType):
        return bare(kind.storage_type, scalar.value)
    if pa.types.is_dictionary(kind):
        return bare(kind.value_type, scalar.dictionary_decode() if hasattr(scalar, "dictionary_decode") else scalar)
    return kind, scalar


def is_uuid(kind):
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"


def uuid_text(data):
    text = data.hex()
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


def nested(kind, scalar):
    """What JSON text holds for a value, as an object of Python; numbers of decimals as their digits."""
    if not scalar.is_valid:
        return None
    if is_uuid(kind):
        return uuid_text(scalar.value.as_py())
    kind, scalar = bare(kind, scalar)
    t = pa.types
    if t.is_struct(kind):
        return {field.name: nested(field.type, scalar[at]) for at, field in enumerate(kind)}
    if t.is_map(kind):
        entries = scalar.values
        if entries is None:
            return None
        keys, values = entries.field(0), entries.field(1)
        found = {}
        for key, value in zip(keys, values):
            name = nested(kind.key_type, key)
            found[name if isinstance(name, str) else json.dumps(name)] = nested(kind.item_type, value)
        return found
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return [nested(kind.value_type, item) for item in scalar.values]
    if t.is_timestamp(kind):
        return moment_text(scalar.value * UNIT[kind.unit], kind.tz)
    if t.is_time(kind):
        return time_text(scalar.value * UNIT[kind.unit])
    if t.is_date32(kind):
        return str(scalar.as_py())
    if t.is_decimal(kind):
        return float(scalar.as_py())
    value = scalar.as_py()
    if t.is_floating(kind):
        value = float(value)
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, bytes):
        return value.decode()
    return value


def shown(kind, scalar):
    if not scalar.is_valid:
        return "null"
    if is_uuid(kind):
        return "text " + uuid_text(scalar.value.as_py())
    kind, scalar = bare(kind, scalar)
    if not scalar.is_valid:
        return "null"
    t = pa.types
    if t.is_nested(kind):
        return "json " + json.dumps(nested(kind, scalar), sort_keys=True, separators=(",", ":"))
    if t.is_timestamp(kind):
        nanos = scalar.value * UNIT[kind.unit]
        return f"micros {nanos // 1000}" if nanos % 1000 == 0 else f"nanos {nanos}"
    if t.is_time(kind):
        return f"time {scalar.value * UNIT[kind.unit] // 1000}"
    if t.is_date32(kind):
        return f"date {scalar.value}"
    if t.is_decimal(kind):
        return f"decimal {units(scalar.as_py(), kind.scale)} {kind.scale}"
    value = scalar.as_py()
    if t.is_boolean(kind):
        return f"bool {str(value).lower()}"
    if t.is_integer(kind):
        return f"int {value}" if value < 2**63 else f"decimal {value} 0"
    if t.is_floating(kind):
        value = float(value)
        return "float NaN" if math.isnan(value) else f"float {value.hex()}"
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    if isinstance(value, str):
        return "text " + value
    raise TypeError(f"no text for {kind}")


def read(path):
    if path.endswith(".orc"):
        return orc.ORCFile(path).read()
    # Nanoseconds wrap; the files that have them have whole microseconds.
    return pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read()


def rows(path):
    table = read(path)
    step = max(1, table.num_rows // MOST_ROWS)
    wanted = range(0, table.num_rows, step)
    columns = [[shown(column.type, column[at]) for at in wanted] for column in table.columns]
    return {
        "fields": table.schema.names,
        "count": table.num_rows,
        "step": step,
        "rows": [list(row) for row in zip(*columns)],
    }


for path in sys.argv[1:]:
    try:
        found = rows(path)
    except Exception as error:  # the test says which files pyarrow may refuse
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"path": path, **found}))
