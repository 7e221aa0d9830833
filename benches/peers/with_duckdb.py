"""DuckDB: one statement from the objects to a Parquet file."""

import duckdb
import workload

TYPES = {
    "text": "VARCHAR",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "money": "DECIMAL(12,2)",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "millis": "BIGINT",
}


def work(form, objects, to, threads):
    database = duckdb.connect()
    database.execute(f"SET threads = {threads}")
    # The malformed field is read as text, so that its line is set aside rather than nulled or the whole read failed.
    read = {name: "VARCHAR" if name == workload.MALFORMED else TYPES[kind] for name, kind in workload.COLUMNS}
    if form == "csv":
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in read.items())
        source = f"read_csv({objects}, header = true, nullstr = '', columns = {{{columns}}}, compression = 'gzip')"
    else:
        columns = [f"{name}: '{kind}'" for name, kind in read.items() if name not in workload.NESTED]
        columns.append(
            "device: 'STRUCT(os VARCHAR, os_version VARCHAR, model VARCHAR, screen STRUCT(w SMALLINT, h SMALLINT))'"
        )
        source = f"""read_json({objects}, format = 'newline_delimited', compression = 'gzip', ignore_errors = true,
            columns = {{{", ".join(columns)}}})"""
    selected = []
    for name, kind in workload.COLUMNS:
        path = name if form == "csv" else ".".join(workload.NESTED.get(name, (name,)))
        if kind == "millis":
            path = f"make_timestamp({path} * 1000)"
        if name == workload.MALFORMED:
            path = f"TRY_CAST({path} AS {TYPES[kind]})"
        selected.append(f"{path} AS {name}")
    malformed = workload.MALFORMED
    rows = database.execute(
        f"""COPY (SELECT {", ".join(selected)} FROM {source}
            WHERE TRY_CAST({malformed} AS {TYPES["int16"]}) BETWEEN 1 AND 100)
            TO '{to / "rows.parquet"}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    ).fetchone()[0]
    return rows, None


workload.main("duckdb", work)
