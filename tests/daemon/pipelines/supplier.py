"""What the tables of `pipelines/supplier` must hold, computed from raw lines by Python alone.

    supplier.py data|dim|rows DAYS FOLDER

DAYS has a file `yyyymmdd.tbl` for each day. `data` has all rows of all days; `dim` the versions of each supplier; `rows` those of files of any name. FOLDER is
not used.
"""

import json
import sys
from datetime import date, timedelta
from pathlib import Path


def suppliers(path):
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return {fields[0]: fields[:7] for fields in (line.split("|") for line in lines)}


def versions(days):
    """The runs of days on which a supplier is there and the same."""
    names = sorted({key for _, rows in days for key in rows})
    for key in names:
        run = None
        for at, (day, rows) in enumerate(days):
            row = rows.get(key)
            if run is not None and row != run[0]:
                yield *run[0], run[1], day - timedelta(days=1), "false"
                run = None
            if row is not None and run is None:
                run = row, day
        if run is not None:
            yield *run[0], run[1], "9999-12-31", "true"


def main():
    what, folder, _ = sys.argv[1:]
    if what == "rows":
        rows = [row for path in Path(folder).glob("*.tbl") for row in suppliers(path).values()]
        json.dump({"figures": [], "rows": rows, "rejected": []}, sys.stdout)
        return
    days = []
    for path in sorted(Path(folder).glob("*.tbl")):
        day = date(int(path.stem[:4]), int(path.stem[4:6]), int(path.stem[6:]))
        days.append((day, suppliers(path)))
    rows = [row for _, table in days for row in table.values()] if what == "data" else list(versions(days))
    json.dump({"figures": [], "rows": [[str(value) for value in row] for row in rows], "rejected": []}, sys.stdout)


main()
