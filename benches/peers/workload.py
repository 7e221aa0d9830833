"""The columns of the workload, and how a peer's work on it is measured: what the scripts of the peers share."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

# The columns of a CSV, in their order; JSON nests those of the device, see benches/workload/mod.rs.
# Name and type: text, int16, int32, int64, float, money (decimal of 12 digits, 2 of them behind the point), bool, time, millis (of Unix).
COLUMNS = [
    ("event_id", "text"),
    ("event_type", "text"),
    ("occurred_at", "time"),
    ("received_ms", "millis"),
    ("user_id", "int64"),
    ("session", "text"),
    ("sequence", "int32"),
    ("campaign", "text"),
    ("coupon", "text"),
    ("url", "text"),
    ("user_agent", "text"),
    ("referrer", "text"),
    ("country", "text"),
    ("city", "text"),
    ("os", "text"),
    ("os_version", "text"),
    ("model", "text"),
    ("screen_w", "int16"),
    ("screen_h", "int16"),
    ("price", "money"),
    ("tax", "money"),
    ("quantity", "int16"),
    ("is_new", "bool"),
    ("is_bot", "bool"),
]
# Where JSON has a column, if it is no field of its own name.
NESTED = {
    "os": ("device", "os"),
    "os_version": ("device", "os_version"),
    "model": ("device", "model"),
    "screen_w": ("device", "screen", "w"),
    "screen_h": ("device", "screen", "h"),
}
# The field that is malformed in some lines.
MALFORMED = "quantity"


def main(peer: str, work: Callable[[str, list[str], Path, int], tuple[int, int]]) -> None:
    """Does `work(form, objects, folder, threads)`, which gives the rows written and the lines set aside, and prints what it took.

    Imports are done before: neither their time nor their CPU counts. The peak of memory is that of the whole process.
    """
    form, objects, to, threads = sys.argv[1:]
    paths = sorted(str(path) for path in Path(objects).iterdir())
    Path(to).mkdir(parents=True, exist_ok=True)
    since, before = time.monotonic(), cpu_seconds()
    rows, rejected = work(form, paths, Path(to), int(threads))
    took = {"cpu": cpu_seconds() - before, "wall": time.monotonic() - since}
    print(json.dumps({"peer": peer, **took, "rss": peak_resident(), "rows": rows, "rejected": rejected}))


def cpu_seconds() -> float:
    """The CPU time of this process, its threads and the children that have ended, in user and kernel mode."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def peak_resident() -> int:
    """The most that was resident, in bytes: of this process or of the largest child, whichever is more."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) << 10
