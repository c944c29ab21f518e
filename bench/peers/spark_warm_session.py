"""The transform alone, by PySpark's own client of Spark Connect, in a session that is warm when the time begins.

    spark_warm_session.py REMOTE LANDED together|partitioned|apart COUNT WITH_DISTINCT

`together`: one job over all landed files, as who has a backlog to work off writes it. `partitioned`: the same, with a folder
for what came of each file, as riacho makes it. `apart`: a job for each of the first COUNT files as its reference comes,
as the PySpark original's consumer does.
"""

import pathlib
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

REMOTE, LANDED, SHAPE, COUNT, DISTINCT = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
OUT = pathlib.Path("adjusted").absolute()

spark = SparkSession.builder.remote(REMOTE).create()
spark.conf.set("spark.sql.session.timeZone", "UTC")


def adjust(paths, to):
    place = F.trim("properties.place")
    kept = [F.col("_metadata.file_name").alias("file")] if SHAPE == "partitioned" else []
    rows = (
        spark.read.parquet(*[f"file://{path}" for path in paths])
        .select(
            *kept,
            "id",
            F.col("properties.mag").cast("double").alias("magnitude"),
            F.when(place != "", place).alias("place"),
            F.timestamp_millis("properties.time").alias("time"),
            F.col("properties.magType").alias("magnitude_type"),
            F.col("geometry.coordinates")[0].cast("double").alias("longitude"),
            F.col("geometry.coordinates")[1].cast("double").alias("latitude"),
            F.col("geometry.coordinates")[2].cast("double").alias("depth_km"),
        )
        .where("magnitude IS NOT NULL")
    )
    if DISTINCT == "distinct":
        rows = rows.dropDuplicates(["id"])
    writer = rows.write.option("compression", "zstd")
    if kept:
        writer = writer.partitionBy("file")
    writer.parquet(f"file://{OUT / to}")


files = sorted(LANDED.glob("*.parquet"))
adjust(files[:1], ".warm")
print("@ begun", flush=True)
if SHAPE == "apart":
    for path in files[:COUNT]:
        adjust([path], path.name)
else:
    adjust(files, "all")
print("@ done", flush=True)
spark.stop()
