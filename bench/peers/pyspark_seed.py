"""The PySpark original's shape: requests fetches, Spark lands Parquet, a reference travels through Kafka, consumers let
Spark make adjusted Parquet and CSV of it.

One session serves producer and consumers, where the original starts three: two starts of a JVM are spared. Bodies go to
Spark as they came, without a second encoding in Python. Without BENCH_KAFKA (the broker's address) the references are
handed over in memory.
"""

import json
import os
from urllib.parse import urljoin

import requests
from job import ADJUSTED, CSV, FIRST_URL, LANDED, MODE, PAGES_PER_FILE, tell
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

KAFKA, TOPIC = os.environ.get("BENCH_KAFKA"), os.environ.get("BENCH_TOPIC", "bench")

spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "4g")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.parquet.compression.codec", "zstd")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
session = requests.Session()


class KafkaTopic:
    def __init__(self):
        from kafka import KafkaConsumer, KafkaProducer

        self.producer = KafkaProducer(bootstrap_servers=KAFKA, acks="all", value_serializer=lambda v: json.dumps(v).encode())
        self.consumer = KafkaConsumer(
            TOPIC, bootstrap_servers=KAFKA, group_id=TOPIC, auto_offset_reset="earliest", enable_auto_commit=False
        )

    def send(self, path):
        self.producer.send(TOPIC, {"path": path}).get(30)

    def receive(self, count):
        for _ in range(count):
            yield json.loads(next(self.consumer).value)["path"]
            self.consumer.commit()


class MemoryTopic:
    def __init__(self):
        self.paths = []

    def send(self, path):
        self.paths.append(path)

    def receive(self, count):
        yield from self.paths[:count]


def land(number, pages):
    path = str(LANDED / f"{number:04d}")
    records = spark.read.json([str(page) for page in pages], multiLine=True).select(F.explode("features").alias("record"))
    records.select("record.*").write.parquet(path)
    for page in pages:
        page.unlink()
    topic.send(path)


def adjust(path):
    name = os.path.basename(path)
    place = F.trim("properties.place")
    (
        spark.read.parquet(path)
        .where("properties.mag IS NOT NULL")
        .select(
            "id",
            F.col("properties.mag").cast("double").alias("magnitude"),
            F.when(place != "", place).alias("place"),
            (F.col("properties.time") / 1000).cast("timestamp").alias("time"),
            F.col("properties.magType").alias("magnitude_type"),
            F.col("geometry.coordinates")[0].cast("double").alias("longitude"),
            F.col("geometry.coordinates")[1].cast("double").alias("latitude"),
            F.col("geometry.coordinates")[2].cast("double").alias("depth_km"),
        )
        .dropDuplicates(["id"])
        .write.parquet(str(ADJUSTED / name))
    )
    spark.read.parquet(str(ADJUSTED / name)).write.option("header", True).csv(str(CSV / name))


topic = KafkaTopic() if KAFKA else MemoryTopic()
url, pages, number, files = FIRST_URL, [], 0, 0
while url:
    response = session.get(url)
    number += 1
    pages.append(LANDED / f"page-{number}.json")
    pages[-1].write_bytes(response.content)
    following = response.json()["metadata"]["next"]
    url = following and urljoin(url, following)
    if len(pages) == PAGES_PER_FILE:
        land(files, pages)
        pages, files = [], files + 1
if pages:
    land(files, pages)
    files += 1
tell("landed")

if MODE == "all":
    for path in topic.receive(files):
        adjust(path)
tell("done")
spark.stop()
