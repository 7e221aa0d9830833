"""Tidegate beside others who can do the same: objects of gzip to typed, checked columns to Parquet, zstd at level 1.

    python -m venv peers && peers/bin/pip install -r benches/peers/requirements.txt
    peers/bin/python benches/peers/run.py

Generates the workload, runs our side (benches/whole.rs) and each peer that is installed in turns, each in a process of its own, and
prints the medians and their ratios to ours. CPU time is what compares: wall time holds only on a machine that does nothing else.
Ours does more: it checks lengths and bounds, keeps every rejected line with its place and reason, and writes two columns of lineage.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PEERS = ["duckdb", "polars", "pyarrow", "pandas", "dlt", "pyspark"]
FORMS = ["json-lines", "csv"]
# PyArrow's reader of JSON fails as a whole on a field of two types: it gets the same events without the malformed lines.
CLEAN = {("pyarrow", "json-lines")}
# No step of ours or of a peer takes longer than this many seconds.
LIMIT = 900


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--megabytes", type=int, default=150, help="of each form, before compression")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    arguments.add_argument("--forms", nargs="*", choices=FORMS, default=FORMS)
    arguments.add_argument("--profile", choices=["release", "dev"], default="release", help="of our side; dev: optimised, too")
    chosen = arguments.parse_args()
    peers = [peer for peer in chosen.peers if is_installed(peer)]
    whole = build(chosen.profile)
    with tempfile.TemporaryDirectory(prefix="tidegate-peers-") as folder:
        for form in chosen.forms:
            compare(whole, Path(folder), form, peers, chosen)


def is_installed(peer):
    there = importlib.util.find_spec(peer) is not None
    if not there:
        print(f"{peer} is left out: it is not installed; see requirements.txt", file=sys.stderr)
    return there


def build(profile):
    """Builds our side; gives its path."""
    options = ["--release", "--no-default-features"] if profile == "release" else ["--config", "profile.dev.package.tidegate.opt-level=3"]
    command = ["cargo", "build", *options, "--bench", "whole", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, check=True, text=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    return next(a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "whole")


def compare(whole, folder, form, peers, chosen):
    objects = {bad: folder / form / f"bad-{bad}" for bad in (0, 1)}
    generated = {
        bad: output([whole, "generate", form, path, chosen.megabytes, bad]) for bad, path in objects.items()
    }
    all_of = generated[1]
    print(
        f"\n{form}: {all_of['events']} events in {all_of['objects']} objects, {all_of['bytes'] / 1e6:.0f} MB,"
        f" {all_of['stored'] / 1e6:.0f} MB gzip; {chosen.threads} threads, the median of {chosen.rounds} rounds"
    )
    runs = {"tidegate": [], **{peer: [] for peer in peers}}
    to = folder / "parquet"
    for _ in range(chosen.rounds):
        for peer, done in runs.items():
            if peer == "tidegate":
                command = [whole, "run", form, objects[1], to, chosen.threads]
            else:
                read = objects[0 if (peer, form) in CLEAN else 1]
                command = [sys.executable, HERE / f"with_{peer}.py", form, read, to, chosen.threads]
            run = output(command)
            if run is None:
                print(f"{peer} failed on {form}", file=sys.stderr)
            else:
                written = sum(file.stat().st_size for file in to.rglob("*.parquet"))
                done.append({**run, "parquet": written})
            shutil.rmtree(to, ignore_errors=True)
    table(runs, generated[0]["events"], form)
    shutil.rmtree(folder / form)


def output(command):
    """What a command says on the last line of its output; `None` if it fails."""
    # A peer that cannot be told how many threads to take is told by these.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LIMIT, env=environment, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def table(runs, clean_events, form):
    ours = {key: median(runs["tidegate"], key) for key in ("cpu", "wall", "rss")}
    print(f"  {'':10} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'Parquet MB':>10} {'rows':>9}   CPU   wall  memory, of ours")
    for peer, done in runs.items():
        if not done:
            continue
        took = {key: median(done, key) for key in ("cpu", "wall", "rss", "parquet", "rows")}
        clean = (peer, form) in CLEAN
        expected = clean_events if clean else median(runs["tidegate"], "rows")
        note = " (no malformed lines)" if clean else ""
        note += "" if took["rows"] == expected else f" ROWS DIFFER: {expected:.0f} expected"
        print(
            f"  {peer:10} {took['cpu']:8.2f} {took['wall']:8.2f} {took['rss'] / 1e6:8.0f} {took['parquet'] / 1e6:10.1f}"
            f" {took['rows']:9.0f} {took['cpu'] / ours['cpu']:5.2f}  {took['wall'] / ours['wall']:5.2f}"
            f"  {took['rss'] / ours['rss']:5.2f}{note}"
        )


def median(runs, key):
    return statistics.median(run[key] for run in runs)


if __name__ == "__main__":
    main()
