"""dlt: its own rest_api source to Parquet files. Landing only; its transformations are another tool's (dbt, SQL).

max_table_nesting 0 keeps nested values as JSON text, the least work that dlt can be given: by default it would make a
child table of every list.
"""

import os

from job import FIRST_URL, LANDED, tell

os.environ.update(
    RUNTIME__LOG_LEVEL="ERROR",
    RUNTIME__DLTHUB_TELEMETRY="false",
    SOURCES__DATA_WRITER__FILE_MAX_ITEMS="50000",    # several files, so that both workers have one
    NORMALIZE__WORKERS="2",
    NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS="100000",
    NORMALIZE__DATA_WRITER__COMPRESSION="zstd",
)

import dlt  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

base, _, path = FIRST_URL.rpartition("/")
source = rest_api_source(
    {
        "client": {"base_url": base + "/", "paginator": {"type": "json_link", "next_url_path": "metadata.next"}},
        "resources": [
            {"name": "quakes", "max_table_nesting": 0, "endpoint": {"path": path, "data_selector": "features"}}
        ],
    }
)
pipeline = dlt.pipeline(
    "bench",
    destination=dlt.destinations.filesystem(LANDED.resolve().as_uri()),
    dataset_name="dlt",
    pipelines_dir=".dlt",
)
pipeline.run(source, loader_file_format="parquet")
tell("landed")
tell("done")
