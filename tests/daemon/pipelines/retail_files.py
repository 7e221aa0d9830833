"""What retail's tables must hold of these files, computed by Python alone.

    retail_files.py purchases|spent FORMAT INSERT_DATE=PATH,… FOLDER

FORMAT is how the files write a moment, for `strptime`. Files are ISO-8859-1, compressed by gzip or not; a header may have the shop's names or the table's.
FOLDER is not used. Writes JSON as `../expected.py` does.
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

NAMES = {
    "InvoiceNo": "invoice_number",
    "StockCode": "stock_code",
    "Description": "detail",
    "Quantity": "quantity",
    "InvoiceDate": "invoice_date",
    "UnitPrice": "unit_price",
    "CustomerID": "customer_id",
    "Country": "country",
}


def purchases(form, files):
    for insert_date, path in (file.split("=", 1) for file in files.split(",")):
        body = Path(path).read_bytes()
        text = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode("iso-8859-1")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            row = {NAMES.get(name, name): value for name, value in row.items()}
            row["invoice_date"] = datetime.strptime(row["invoice_date"], form)
            row["unit_price"] = Decimal(row["unit_price"])
            row["customer_id"] = str(int(Decimal(row["customer_id"]))) if row["customer_id"] else "NULL"
            yield insert_date, row


def table(rows):
    for insert_date, row in rows:
        moment, price = f"{row['invoice_date']:%Y-%m-%d %H:%M:%S}", str(row["unit_price"].quantize(Decimal("0.001")))
        before = row["invoice_number"], row["stock_code"], row["detail"] or "NULL", row["quantity"]
        yield [*before, moment, price, row["customer_id"], row["country"], insert_date]


def spent(rows):
    sums = defaultdict(Decimal)
    for insert_date, row in rows:
        sums[insert_date, f"{row['invoice_date']:%Y-%m-%d}", row["customer_id"]] += int(row["quantity"]) * row["unit_price"]
    for key, amount in sums.items():
        yield [*key, f"{amount:.5f}"]


def main():
    what, form, files, _ = sys.argv[1:]
    made = {"purchases": table, "spent": spent}[what](purchases(form, files))
    json.dump({"figures": [], "rows": list(made), "rejected": []}, sys.stdout)


main()
