"""What the tables of 2018 of `pipelines/bestsellers` must hold, computed from the raw files by Python alone.

    bestsellers_2018.py reviews|metadata FOLDER
"""

import gzip
import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path


def rows(folder, name):
    return [json.loads(line) for line in gzip.open(folder / "amazon/share" / name, "rt", encoding="utf-8")]


def text(value):
    return "NULL" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def reviews(folder):
    distinct = {}
    for row in rows(folder, "Gift_Cards_5.json.gz"):
        distinct.setdefault((row["reviewerID"], row["asin"], row.get("summary"), row["unixReviewTime"]), row)
    for row in distinct.values():
        day = datetime.strptime(row["reviewTime"], "%m %d, %Y").strftime("%Y-%m-%d")
        known = [row.get(name) for name in ("reviewerID", "asin", "reviewerName", "verified", "vote", "reviewText", "summary", "unixReviewTime")]
        style = row.get("style") or {}
        yield [*known, day, str(Decimal(repr(row["overall"]))), style.get("Gift Amount:"), len(row.get("image") or [])]


def metadata(folder):
    for row in rows(folder, "meta_Gift_Cards.first800.json.gz"):
        known = [row["asin"], row["title"], *(row[name] or None for name in ("brand", "main_cat", "price"))]
        rank = row["rank"]
        yield [*known, json.dumps(rank, ensure_ascii=False), json.dumps(row["category"], ensure_ascii=False), len(row["details"])]


def main():
    what, folder = sys.argv[1], Path(sys.argv[2])
    made = {"reviews": reviews, "metadata": metadata}[what](folder)
    json.dump({"figures": [], "rows": [[text(value) for value in row] for row in made], "rejected": []}, sys.stdout)


main()
