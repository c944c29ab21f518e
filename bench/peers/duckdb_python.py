"""DuckDB from Python: requests fetches pages to disk, read_json and COPY make files of them."""

from urllib.parse import urljoin

import duckdb
import requests
from job import ADJUSTED, CSV, FIRST_URL, LANDED, MODE, PAGES_PER_FILE, tell

LAND = """
    COPY (SELECT unnest(features, max_depth := 2) FROM read_json({pages!r}, maximum_object_size = 67108864))
    TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""
ADJUST = """
    COPY (
        SELECT DISTINCT ON (id)
            id,
            properties.mag::DOUBLE AS magnitude,
            nullif(trim(properties.place), '') AS place,
            make_timestamp(properties.time * 1000) AS time,
            properties.magType AS magnitude_type,
            geometry.coordinates[1]::DOUBLE AS longitude,
            geometry.coordinates[2]::DOUBLE AS latitude,
            geometry.coordinates[3]::DOUBLE AS depth_km
        FROM '{landed}' WHERE magnitude IS NOT NULL
    ) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""

database = duckdb.connect()
session = requests.Session()


def land(pages):
    file = LANDED / f"{len(list(LANDED.glob('*.parquet'))):04d}.parquet"
    database.execute(LAND.format(pages=[str(page) for page in pages], file=file))
    for page in pages:
        page.unlink()


def next_of(body):
    return database.execute("SELECT json_extract_string(?, '$.metadata.next')", [body]).fetchone()[0]


url, pages, number = FIRST_URL, [], 0
while url:
    body = session.get(url).content
    number += 1
    pages.append(LANDED / f"{number}.json")
    pages[-1].write_bytes(body)
    following = next_of(body.decode())
    url = following and urljoin(url, following)
    if len(pages) == PAGES_PER_FILE:
        land(pages)
        pages = []
if pages:
    land(pages)
tell("landed")

if MODE == "all":
    for landed in sorted(LANDED.glob("*.parquet")):
        file = ADJUSTED / landed.name
        database.execute(ADJUST.format(landed=landed, file=file))
        database.execute(f"COPY (FROM '{file}') TO '{CSV / landed.stem}.csv' (HEADER)")
tell("done")
