"""What the tables of `pipelines/bestsellers` must hold, computed from the raw files by Python alone.

    bestsellers.py reviews|metadata|view ADDED FOLDER

ADDED is a file of lines of metadata that the test loads besides. Writes JSON as `../expected.py` does.
"""

import ast
import gzip
import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

SHARE = "amazon/share"


def text(value):
    return "NULL" if value is None else str(value)


def reviews(folder):
    distinct = {}
    for line in gzip.open(folder / SHARE / "reviews_Digital_Music_5.first3500.json.gz", "rt", encoding="utf-8"):
        row = json.loads(line)
        distinct.setdefault((row["reviewerID"], row["asin"], row["summary"], row["unixReviewTime"]), row)
    return list(distinct.values())


def price(row):
    return None if row.get("price") is None else Decimal(repr(row["price"])).quantize(Decimal("0.01"))


def metadata(added, folder):
    lines = gzip.open(folder / SHARE / "meta_Digital_Music.first4000.json.gz", "rt", encoding="utf-8").readlines()
    distinct = {}
    for line in lines + added.read_text().splitlines():
        row = ast.literal_eval(line)
        distinct.setdefault((row["asin"], price(row)), row)
    return list(distinct.values())


def day(row):
    return datetime.strptime(row["reviewTime"], "%m %d, %Y").strftime("%Y-%m-%d")


def view(added, folder):
    products = {}
    for row in metadata(added, folder):
        products.setdefault(row["asin"], []).append(row)
    for row in reviews(folder):
        for product in products.get(row["asin"], [{}]):
            known = product.get("title"), price(product)
            yield row["reviewerID"], row["asin"], Decimal(repr(row["overall"])), row["summary"], day(row), *known


def main():
    what, added, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if what == "reviews":
        fields = ("reviewerID", "asin", "reviewerName", "reviewText", "summary", "unixReviewTime")
        rows = [(*(row.get(field) for field in fields), day(row), row["helpful"][1]) for row in reviews(folder)]
    elif what == "metadata":
        known = ("title", "imUrl", "description", "brand")
        rows = [
            (row["asin"], price(row), *(row.get(field) for field in known), row.get("salesRank", {}).get("Music"))
            for row in metadata(added, folder)
        ]
    else:
        rows = view(added, folder)
    json.dump({"figures": [], "rows": [[text(value) for value in row] for row in rows], "rejected": []}, sys.stdout)


main()
