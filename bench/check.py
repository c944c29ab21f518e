"""Reads Parquet by DuckDB's own Python and says what is in it, so that all jobs are known to have done the same.

usage: check.py GLOB [columns]
"""

import json
import sys

import duckdb

ROWS = "SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM read_parquet(?, union_by_name = true)"
COLUMNS = """
    SELECT
        count(*) AS rows, count(DISTINCT id) AS ids, count(place) AS places, round(sum(magnitude), 3) AS magnitudes,
        round(sum(longitude) + sum(latitude) + sum(depth_km), 2) AS sums, epoch_ms(min(time)::TIMESTAMP) AS first,
        epoch_ms(max(time)::TIMESTAMP) AS last
    FROM read_parquet(?)
"""

result = duckdb.sql(COLUMNS if "columns" in sys.argv else ROWS, params=[sys.argv[1]])
print(json.dumps(dict(zip(result.columns, result.fetchall()[0]))))
