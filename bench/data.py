"""The pages that the bench serves: made from real earthquakes by a fixed seed, the same on every machine.

Every page is {"type", "metadata": {…, "next": the path of the next page}, "features": [records]}. Records of the
workloads a, b, c, d, h are USGS earthquakes with ids, times and places of their own; those of e, f, g are made up.
"""

import hashlib
import json
import os
import pathlib
import random
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCALE = int(os.environ.get("BENCH_SCALE", "1"))    # a part of the pages only, to try the bench itself
HOME = ROOT / "build" / "bench" / ("data" if SCALE == 1 else f"data-{SCALE}")
QUAKES = ROOT / "build" / "deps" / "share" / "earthquakes.json"


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def quakes(choose):
    """Endless earthquakes as JSON text. Each is a real one, with another id, time and place."""
    patterns = [quake_pattern(feature) for feature in json.loads(QUAKES.read_text())["features"]]
    some = choose.random
    number = 0
    while True:
        pattern, key, place = patterns[number % len(patterns)]
        moved = ",".join(["%.4f" % (value + some() - 0.5) for value in place])
        time = 1517966773840 + number * 997
        yield pattern % (time, time + int(some() * 1000000), moved, f"{key}-{number:07d}")
        number += 1


def quake_pattern(feature):
    properties = {**feature["properties"], "time": "@time", "updated": "@updated"}
    geometry = {"type": "Point", "coordinates": "@place"}
    text = compact({**feature, "properties": properties, "geometry": geometry, "id": "@id"})
    text = text.replace("%", "%%").replace('"@time"', "%d").replace('"@updated"', "%d")
    text = text.replace('"@place"', "[%s]").replace('"@id"', '"%s"')
    return text, feature["id"], feature["geometry"]["coordinates"]


def wide_records(choose):
    """Flat records of 200 columns: whole numbers, decimals, short texts, booleans, some nulls."""
    words = [f"word{number}" for number in range(500)]
    kinds = [
        lambda: choose.randrange(10**6),
        lambda: round(choose.uniform(-1000, 1000), 3),
        lambda: choose.choice(words),
        lambda: choose.random() < 0.5,
        lambda: None if choose.random() < 0.2 else choose.randrange(10**12),
    ]
    number = 0
    while True:
        record = {"id": number}
        record.update((f"column_{place:03d}", kinds[place % len(kinds)]()) for place in range(1, 200))
        yield compact(record)
        number += 1


def text_records(choose):
    """Articles of about 8 kB: words, line breaks, quotes, letters beyond ASCII."""
    words = [feature["properties"]["place"] for feature in json.loads(QUAKES.read_text())["features"]]
    words += ["«ação»", 'said "so"', "line\nbreak", "tab\tstop", "São Paulo", "地震", "back\\slash"]
    number = 0
    while True:
        body = " ".join(choose.choices(words, k=choose.randrange(200, 440)))
        yield compact({"id": number, "title": choose.choice(words), "lang": "pt", "body": body})
        number += 1


def deep_records(choose):
    """Objects in objects, twelve levels, with lists of objects on the way."""
    number, some = 0, choose.random

    def level(depth):
        value = {
            "name": f"level {depth}",
            "value": choose.randrange(1000),
            "share": round(some(), 4),
            "tags": choose.choices(["a", "b", "c"], k=choose.randrange(3)),
            "points": [{"x": choose.randrange(100), "y": round(some(), 3)} for _ in range(choose.randrange(3))],
        }
        if depth < 12:
            value["inner"] = level(depth + 1)
        return value

    while True:
        yield compact({"id": number, **level(1)})
        number += 1


# name: (records, pages, records of a page)
SETS = {
    "a": (quakes, 500, 1000),
    "b": (quakes, 5000, 1000),
    "c": (quakes, 1, 100),
    "d": (quakes, 2000, 10),
    "d20": (quakes, 20, 1000),
    "d10": (quakes, 20000, 10),
    "e": (wide_records, 50, 1000),
    "f": (text_records, 150, 100),
    "g": (deep_records, 100, 1000),
    "h": (quakes, 100, 1000),
    "s": (quakes, 500, 10),    # of bench/spark.py
    "steps": (quakes, 5, 1000),    # of bench/instructions.py
}


def pages_of(name):
    return max(1, SETS[name][1] // SCALE)


def rows_of(name):
    return pages_of(name) * SETS[name][2]


def page_paths(name):
    return [HOME / name / f"{page}.json" for page in range(1, pages_of(name) + 1)]


def make(name):
    """Writes the pages of a workload, unless they are there; gives their size in bytes."""
    folder, stamp = HOME / name, HOME / f"{name}.stamp"
    want = hashlib.sha256(pathlib.Path(__file__).read_bytes() + QUAKES.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != want:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_pages(name, folder)
        stamp.write_text(want)
    return sum(path.stat().st_size for path in page_paths(name))


def write_pages(name, folder):
    records_of, _, size = SETS[name]
    pages = pages_of(name)
    records = records_of(random.Random(7))
    for page in range(1, pages + 1):
        metadata = {"generated": 1517968154000, "status": 200, "page": page, "pages": pages, "count": size}
        metadata["next"] = f"/{name}/{page + 1}.json" if page < pages else None
        head = f'{{"type":"FeatureCollection","metadata":{compact(metadata)},"features":['
        body = ",".join(next(records) for _ in range(size))
        (folder / f"{page}.json").write_text(head + body + "]}")
