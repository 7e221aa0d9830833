"""What the tables of `pipelines/retail` must hold, computed from the raw files by Python alone.

    retail.py purchases|archive|spent|archive_spent DAYS FOLDER

DAYS is a list of days (2010-12-01,2010-12-02) of which the by-day files are loaded. Writes JSON as `../expected.py` does.
"""

import csv
import gzip
import io
import json
import sys
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path

ARCHIVE = "retail/share/OnlineRetail.latin1-crlf.first60000.csv.gz"
ARCHIVED = "2026-11-01"


def purchases(folder, days):
    for day in days:
        for row in csv.DictReader(io.StringIO((folder / f"retail/by-day/{day}.csv").read_bytes().decode("utf-8"), newline="")):
            yield day, datetime.strptime(row["InvoiceDate"], "%Y-%m-%d %H:%M:%S"), row


def archive(folder):
    content = gzip.decompress((folder / ARCHIVE).read_bytes()).decode("iso-8859-1")
    for row in csv.DictReader(io.StringIO(content, newline="")):
        yield ARCHIVED, datetime.strptime(row["InvoiceDate"], "%m/%d/%Y %H:%M"), row


def customer(row):
    # 17850.0 and 17850 are one customer.
    return str(int(Decimal(row["CustomerID"]))) if row["CustomerID"] else "NULL"


def table(rows):
    for insert_date, moment, row in rows:
        yield [
            row["InvoiceNo"],
            row["StockCode"],
            row["Description"] or "NULL",
            row["Quantity"],
            moment.strftime("%Y-%m-%d %H:%M:%S"),
            str(Decimal(row["UnitPrice"]).quantize(Decimal("0.001"))),
            customer(row),
            row["Country"],
            insert_date,
        ]


def spent(rows):
    sums = defaultdict(Decimal)
    for insert_date, moment, row in rows:
        sums[insert_date, moment.strftime("%Y-%m-%d"), customer(row)] += int(row["Quantity"]) * Decimal(row["UnitPrice"])
    for key, amount in sums.items():
        yield [*key, f"{amount:.5f}"]


def main():
    what, days, folder = sys.argv[1:]
    rows = list(archive(Path(folder)) if what.startswith("archive") else purchases(Path(folder), days.split(",")))
    made = spent(rows) if what.endswith("spent") else table(rows)
    json.dump({"figures": [], "rows": list(made), "rejected": []}, sys.stdout)


main()
