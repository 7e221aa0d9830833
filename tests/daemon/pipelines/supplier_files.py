"""The same suppliers in other formats, written by Python's csv and Arrow: `supplier_files.py PARTS FOLDER`.

PARTS has TPC-H's `*.tbl`; FOLDER gets one file of each format for each of them.
"""

import csv
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

NAMES = ["s_suppkey", "s_name", "s_address", "s_nationkey", "s_phone", "s_acctbal", "s_comment"]
TYPES = [pa.int64(), pa.string(), pa.string(), pa.int64(), pa.string(), pa.decimal128(15, 2), pa.string()]
READ = {0: int, 3: int, 5: Decimal}


def main():
    parts, folder = map(Path, sys.argv[1:])
    for part in sorted(parts.glob("*.tbl")):
        rows = [line.split("|")[:7] for line in part.read_text(encoding="utf-8").splitlines()]
        with (folder / f"{part.stem}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(NAMES)
            writer.writerows(rows)
        columns = [pa.array(map(READ.get(at, str), column), TYPES[at]) for at, column in enumerate(zip(*rows))]
        table = pa.table(columns, names=NAMES)
        pa.parquet.write_table(table, folder / f"{part.stem}.parquet")
        pa.orc.write_table(table, folder / f"{part.stem}.orc")


main()
