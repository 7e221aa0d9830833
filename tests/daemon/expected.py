"""What the tables must hold after the real files are loaded, computed from the files by Python's own parsers."""

import gzip
import json
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

data = Path(sys.argv[2])


def lines(path):
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        return [json.loads(line, parse_float=Decimal) for line in file if line.strip()]


def reviews():
    newest, rejected, read = {}, 0, 0
    for row in lines(data / "amazon/share/reviews_Digital_Music_5.first3500.json.gz"):
        read += 1
        if len(row["reviewText"].encode()) > 4096:
            rejected += 1
            continue
        key = (row["reviewerID"], row["asin"])
        if key not in newest or row["unixReviewTime"] > newest[key]["unixReviewTime"]:
            newest[key] = row
    rows = newest.values()
    return [
        read,
        rejected,
        len(rows),
        str(sum((row["overall"] for row in rows), Decimal(0))),
        sum(row["unixReviewTime"] for row in rows),
        sum(len(row["reviewText"].encode()) for row in rows),
        sum(len(row["summary"].encode()) for row in rows),
        sum(row["helpful"][1] for row in rows),
    ]


def wikipedia():
    rows = [row for path in sorted((data / "streams/wikipedia").glob("*.json.gz")) for row in lines(path)]
    millis = [
        datetime.fromisoformat(row["time"].replace("Z", "+00:00")).astimezone(timezone.utc).timestamp() for row in rows
    ]
    return [
        len(rows),
        sum(row["added"] for row in rows),
        sum(row["deleted"] for row in rows),
        sum(row["delta"] for row in rows),
        sum(row["isRobot"] for row in rows),
        sum(row["cityName"] is None for row in rows),
        sum(len(row["page"].encode()) for row in rows),
        sum(round(second * 1000) for second in millis),
    ]


def stock_ticks():
    newest = {}
    for name in ("batch_1.json", "batch_2.json"):
        for row in lines(data / "streams/hudi_stock_ticks" / name):
            if row["key"] not in newest or row["ts"] > newest[row["key"]]["ts"]:
                newest[row["key"]] = row
    rows = newest.values()
    return [
        len(rows),
        sum(row["volume"] for row in rows),
        str(sum((Decimal(row["close"]) for row in rows), Decimal(0)).quantize(Decimal("0.0001"))),
        max(row["ts"] for row in rows),
        min(row["ts"] for row in rows),
    ]


print(json.dumps({"reviews": reviews, "wikipedia": wikipedia, "stock_ticks": stock_ticks}[sys.argv[1]]()))
