"""polars: requests fetches, pl.read_json parses each body in Rust, frames are joined and written."""

import io
from urllib.parse import urljoin

import polars as pl
import requests
from job import ADJUSTED, CSV, FIRST_URL, LANDED, MODE, PAGES_PER_FILE, tell

session = requests.Session()


def land(frames):
    file = LANDED / f"{len(list(LANDED.glob('*.parquet'))):04d}.parquet"
    pl.concat(frames, how="diagonal_relaxed").write_parquet(file, compression="zstd")


def adjusted(landed):
    properties, place = pl.col("properties").struct, pl.col("geometry").struct.field("coordinates").list
    return (
        pl.scan_parquet(landed)
        .select(
            pl.col("id"),
            properties.field("mag").cast(pl.Float64).alias("magnitude"),
            properties.field("place").str.strip_chars().replace("", None).alias("place"),
            pl.from_epoch(properties.field("time"), time_unit="ms").alias("time"),
            properties.field("magType").alias("magnitude_type"),
            place.get(0).cast(pl.Float64).alias("longitude"),
            place.get(1).cast(pl.Float64).alias("latitude"),
            place.get(2).cast(pl.Float64).alias("depth_km"),
        )
        .filter(pl.col("magnitude").is_not_null())
        .unique("id")
    )


url, frames = FIRST_URL, []
while url:
    page = pl.read_json(io.BytesIO(session.get(url).content), infer_schema_length=None)
    frames.append(page.select(pl.col("features").explode()).unnest("features"))
    following = page["metadata"][0]["next"]
    url = following and urljoin(url, following)
    if len(frames) == PAGES_PER_FILE:
        land(frames)
        frames = []
if frames:
    land(frames)
tell("landed")

if MODE == "all":
    for landed in sorted(LANDED.glob("*.parquet")):
        adjusted(landed).sink_parquet(ADJUSTED / landed.name, compression="zstd")
        pl.scan_parquet(ADJUSTED / landed.name).sink_csv(CSV / f"{landed.stem}.csv")
tell("done")
