"""DuckDB's read_json over pages that are on disk already, COPYed to one Parquet file: the peer without a network.

usage: read_json.py GLOB
"""

import sys

import duckdb

print("@ begun", flush=True)
duckdb.execute(
    f"""
    COPY (
        SELECT unnest(features, max_depth := 2)
        FROM read_json('{sys.argv[1]}', maximum_object_size = 67108864)
    ) TO 'landed.parquet' (FORMAT parquet, COMPRESSION zstd)
    """
)
print("@ landed", flush=True)
