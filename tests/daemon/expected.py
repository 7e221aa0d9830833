"""What the tables must hold after the real files are loaded, computed from the files by Python's own parsers.

    expected.py reviews|edits|ticks FOLDER

writes JSON: `figures` sum the table up; `rows` are all its rows, in no order; `rejected` are the numbers of the records that
are refused. A value is text as the Data API gives it, a null is `NULL`.
"""

import gzip
import json
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)


def records(path):
    """The records of a file with their numbers; a number is 1 for the first line."""
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, json.loads(line, parse_float=Decimal)


def text(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    return str(value)


def length(value):
    return 0 if value is None else len(value.encode())


def reviews(data):
    """Upsert by reviewer and product; texts of more than 4,096 bytes are rejected."""
    newest, rejected, read = {}, [], 0
    for number, row in records(data / "amazon/share/reviews_Digital_Music_5.first3500.json.gz"):
        read += 1
        if length(row["reviewText"]) > 4096:
            rejected.append(number)
            continue
        row["number"] = number
        key = (row["reviewerID"], row["asin"])
        # Of two that are as new, the later record wins.
        if key not in newest or row["unixReviewTime"] >= newest[key]["unixReviewTime"]:
            newest[key] = row
    kept = newest.values()
    figures = [
        read,
        len(rejected),
        len(kept),
        sum(row["overall"] for row in kept),
        sum(row["unixReviewTime"] for row in kept),
        sum(length(row["reviewText"]) for row in kept),
        sum(length(row["summary"]) for row in kept),
        sum(row["helpful"][1] for row in kept),
        sum("reviewerName" not in row for row in kept),
    ]
    rows = [
        (
            row["reviewerID"],
            row["asin"],
            row.get("reviewerName"),
            row["overall"].quantize(Decimal("0.1")),
            row["summary"],
            row["reviewText"],
            EPOCH + timedelta(seconds=row["unixReviewTime"]),
            datetime.strptime(row["reviewTime"], "%m %d, %Y").strftime("%Y-%m-%d"),
            row["helpful"][0],
            row["helpful"][1],
            row["number"],
        )
        for row in kept
    ]
    return figures, rows, rejected


def edits(data):
    """Append; a pipeline of the same file refuses the comments of more than 200 bytes, whatever their characters."""
    files = [records(path) for path in sorted((data / "streams/wikipedia").glob("*.json.gz"))]
    kept = [(number, row) for file in files for number, row in file]
    times = [datetime.fromisoformat(row["time"].replace("Z", "+00:00")) for _, row in kept]
    rejected = [number for number, row in kept if length(row["comment"]) > 200]
    by_characters = [number for number, row in kept if len(row["comment"]) > 200]
    assert len(by_characters) < len(rejected), "the file tells bytes from characters"
    figures = [
        len(kept),
        sum(row["added"] for _, row in kept),
        sum(row["deleted"] for _, row in kept),
        sum(row["delta"] for _, row in kept),
        min(row["delta"] for _, row in kept),
        max(row["delta"] for _, row in kept),
        sum(row["isRobot"] for _, row in kept),
        sum(row["cityName"] is None for _, row in kept),
        sum(length(row["page"]) for _, row in kept),
        sum(len(row["page"]) for _, row in kept),
        sum((time - EPOCH) // MILLISECOND for time in times),
        text(min(times)),
        text(max(times)),
    ]
    fields = (
        "channel cityName comment countryIsoCode countryName isAnonymous isMinor isNew isRobot isUnpatrolled metroCode "
        "namespace page regionIsoCode regionName user delta added deleted"
    ).split()
    rows = [
        (time, *(row[field] for field in fields), number) for time, (number, row) in zip(times, kept, strict=True)
    ]
    return figures, rows, rejected


def ticks(data):
    """Upsert by key; the newest `ts` wins, whichever file it is in."""
    newest = {}
    for name in ("batch_1.json", "batch_2.json"):
        for number, row in records(data / "streams/hudi_stock_ticks" / name):
            row["number"], row["object"] = number, f"ticks/{name}"
            if row["key"] not in newest or row["ts"] > newest[row["key"]]["ts"]:
                newest[row["key"]] = row
            assert newest[row["key"]] is row or row["ts"] < newest[row["key"]]["ts"], "no two are as new"
    kept = newest.values()
    figures = [
        len(kept),
        sum(row["volume"] for row in kept),
        sum(row["close"] for row in kept).quantize(Decimal("0.0001")),
        min(row["low"] for row in kept).quantize(Decimal("0.0001")),
        max(row["high"] for row in kept).quantize(Decimal("0.0001")),
        min(row["ts"] for row in kept),
        max(row["ts"] for row in kept),
    ]
    rows = [
        (
            row["key"],
            row["ts"],
            row["symbol"],
            row["date"].replace("/", "-"),
            row["year"],
            row["month"],
            row["volume"],
            *(row[price].quantize(Decimal("0.0001")) for price in ("open", "high", "low", "close")),
            row["object"],
            row["number"],
        )
        for row in kept
    ]
    return figures, rows, []


def main():
    what, folder = sys.argv[1:]
    figures, rows, rejected = {"reviews": reviews, "edits": edits, "ticks": ticks}[what](Path(folder))
    expected = {
        "figures": [text(figure) for figure in figures],
        "rows": [[text(value) for value in row] for row in rows],
        "rejected": rejected,
    }
    json.dump(expected, sys.stdout)


main()
