"""What the tables of `pipelines/sparkify` must hold, computed from the raw files by Python alone.

    sparkify.py songplays|users|songs|artists|time|events ADDED FOLDER

FOLDER has the real files; ADDED is a JSON file of `songs` and `events` that the test loads besides. Writes JSON as
`../expected.py` does; `rejected` is empty.
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def text(value):
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    return str(value)


def decimal(value, scale="0.00001"):
    return None if value is None else Decimal(value).quantize(Decimal(scale))


def moment(milliseconds):
    return EPOCH + timedelta(milliseconds=int(milliseconds))


def load(added, data):
    parse = {"parse_float": Decimal}
    added = json.loads(added.read_text(), **parse)
    lines = [
        line
        for path in sorted((data / "sparkify/log_data").rglob("*.json"))
        for line in path.read_text().split("\n")
        if line.strip()
    ]
    songs = [json.loads(path.read_text(), **parse) for path in sorted((data / "sparkify/song_data").rglob("*.json"))]
    return songs + added["songs"], [json.loads(line, **parse) for line in lines] + added["events"]


def staging_events(events):
    for event in events:
        registered = None if event["registration"] is None else moment(event["registration"])
        name = event["sessionId"], event["itemInSession"]
        yield *name, event["page"], event["userId"] or None, registered, decimal(event["length"])


def songplays(songs, plays):
    for play in plays:
        found = [song for song in songs if (song["title"], song["artist_name"]) == (play["song"], play["artist"])]
        song = min(found, key=lambda song: song["song_id"], default={})
        yield (
            moment(play["ts"]),
            play["userId"] or None,
            play["level"],
            song.get("song_id"),
            song.get("artist_id"),
            play["sessionId"],
            play["itemInSession"],
            play["location"],
            play["userAgent"],
        )


def users(songs, plays):
    newest = {}
    for play in sorted(plays, key=lambda play: (play["ts"], play["sessionId"], play["itemInSession"])):
        if play["userId"]:
            newest[play["userId"]] = play
    for user, play in newest.items():
        yield user, play["firstName"], play["lastName"], play["gender"], play["level"]


def songs_table(songs, plays):
    for song in songs:
        yield song["song_id"], song["title"], song["artist_id"], song["year"] or None, decimal(song["duration"])


def artists(songs, plays):
    newest = {}
    for song in sorted(songs, key=lambda song: (song["year"], song["song_id"])):
        newest[song["artist_id"]] = song
    for artist, song in newest.items():
        places = decimal(song["artist_latitude"]), decimal(song["artist_longitude"])
        yield artist, song["artist_name"], song["artist_location"] or None, *places


def time(songs, plays):
    for start in {moment(play["ts"]) for play in plays}:
        week = start.isocalendar().week
        yield start, start.hour, start.day, week, start.month, start.year, start.isoweekday() % 7


def main():
    what, added, folder = sys.argv[1:]
    songs, events = load(Path(added), Path(folder))
    if what == "events":
        rows = staging_events(events)
    else:
        plays = [event for event in events if event["page"] == "NextSong"]
        table = {"songplays": songplays, "users": users, "songs": songs_table, "artists": artists, "time": time}[what]
        rows = table(songs, plays)
    rows = [[text(value) for value in row] for row in rows]
    json.dump({"figures": [], "rows": rows, "rejected": []}, sys.stdout)


main()
