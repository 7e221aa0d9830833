"""What the tables of `pipelines/showcase` must hold, computed from the days' files by Python alone.

    showcase.py products|customers|facts|aggregate DAYS FOLDER

DAYS has a folder `yyyy-mm-dd` for each day with `products.csv`, `customers.csv` and `sales.json`, of which the test makes the Parquet file.
FOLDER is not used.
"""

import csv
import hashlib
import json
import sys
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path


def key(text):
    return int(hashlib.md5(text.encode()).hexdigest()[:15], 16)


def extract(path):
    with path.open(newline="", encoding="utf-8") as lines:
        return {int(row[0]): [value or None for value in row[1:]] for row in list(csv.reader(lines))[1:]}


def products(days):
    """The newest row of each product; of those that were only sold, the number."""
    rows = {sale["product_id"]: None for day in days for sale in day["sales"] if sale["product_id"] is not None}
    for day in days:
        rows.update(day["products"])
    for product, attributes in rows.items():
        yield key(str(product)), product, *(attributes or [None] * 3), str(attributes is None).lower()


def versions(days):
    """The runs of days on which a customer is there and the same."""
    for customer in sorted({customer for day in days for customer in day["customers"]}):
        runs = []
        for day in days:
            row = day["customers"].get(customer)
            if runs and runs[-1]["end"] is None and runs[-1]["row"] != row:
                runs[-1]["end"] = day["date"] - timedelta(days=1)
            if row is not None and (not runs or runs[-1]["end"] is not None):
                runs.append({"row": row, "start": day["date"], "end": None})
        for run in runs:
            yield customer, run["row"], run["start"], run["end"]


def customers(days):
    for customer, row, start, end in versions(days):
        yield key(f"{customer}/{start}"), customer, *row, start, end or "9999-12-31", str(end is None).lower()


def facts(days):
    history = list(versions(days))
    newest = {}
    for day in days:
        for sale in day["sales"]:
            if sale["quantity"] >= 1:
                newest[sale["transaction_code"]] = (day["date"], sale)
    for code, (day, sale) in newest.items():
        product = -1 if sale["product_id"] is None else key(str(sale["product_id"]))
        then = [
            start for customer, _, start, end in history
            if customer == sale["customer_id"] and start <= day and (end is None or day <= end)
        ]
        customer = key(f"{sale['customer_id']}/{then[0]}") if then else -1
        price = Decimal(sale["unit_price"])
        yield code, day, product, customer, sale["quantity"], price, sale["quantity"] * price


def aggregate(days):
    sums = defaultdict(lambda: [0, 0, Decimal(0)])
    for _, day, product, customer, quantity, _, amount in facts(days):
        row = sums[day, product, customer]
        row[0] += 1
        row[1] += quantity
        row[2] += amount
    for group, row in sums.items():
        yield *group, *row


def main():
    what, folder, _ = sys.argv[1:]
    days = [
        {
            "date": date.fromisoformat(path.name),
            "products": extract(path / "products.csv"),
            "customers": extract(path / "customers.csv"),
            "sales": json.loads((path / "sales.json").read_text()),
        }
        for path in sorted(Path(folder).iterdir())
    ]
    table = {"products": products, "customers": customers, "facts": facts, "aggregate": aggregate}[what]
    rows = [["NULL" if value is None else str(value) for value in row] for row in table(days)]
    json.dump({"figures": [], "rows": rows, "rejected": []}, sys.stdout)


main()
