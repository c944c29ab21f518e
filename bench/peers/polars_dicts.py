"""polars as it is met most: a frame of the dicts that `response.json()` gives. Landing only."""

from urllib.parse import urljoin

import polars as pl
import requests
from job import FIRST_URL, LANDED, PAGES_PER_FILE, tell

session = requests.Session()


def land(records):
    file = LANDED / f"{len(list(LANDED.glob('*.parquet'))):04d}.parquet"
    pl.DataFrame(records, infer_schema_length=None).write_parquet(file, compression="zstd")


url, records, pages = FIRST_URL, [], 0
while url:
    page = session.get(url).json()
    records += page["features"]
    pages += 1
    url = page["metadata"]["next"] and urljoin(url, page["metadata"]["next"])
    if pages % PAGES_PER_FILE == 0:
        land(records)
        records = []
if records:
    land(records)
tell("landed")
tell("done")
