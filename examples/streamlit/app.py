"""The output of a riacho pipeline as a Streamlit page: files as they come, and the rows in them.

    poetry install --only streamlit
    poetry run streamlit run examples/streamlit/app.py -- riacho-demo/output http://127.0.0.1:8321

The first argument is the pipeline's output folder. The second, the address of `riacho dashboard` or `riacho serve`,
is optional: with it the page shows the stages too. Behind a token, set RIACHO_TOKEN.
"""

import datetime
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

import duckdb
import streamlit as st

FOLDERS = {"landing": "parquet", "adjusted": "parquet", "csv": "csv"}
MOST_ROWS = 10_000
EVERY = "1s"


def argument(place, standard):
    return sys.argv[place] if len(sys.argv) > place else standard


OUTPUT = pathlib.Path(argument(1, os.environ.get("RIACHO_OUTPUT", "output")))
DASHBOARD = argument(2, os.environ.get("RIACHO_DASHBOARD", ""))


def ask(path):
    """What the dashboard's API answers, or None while it is away."""
    request = urllib.request.Request(f"{DASHBOARD}/api/v1{path}")
    if token := os.environ.get("RIACHO_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.load(answer)
    except (urllib.error.URLError, TimeoutError, json.JSONDecodeError):
        return None


def size_of(path):
    """Spark's outputs are folders of part files."""
    parts = path.glob("*.parquet") if path.is_dir() else [path]
    return sum(part.stat().st_size for part in parts)


def find_files():
    """Complete files, newest first. Temporary ones live in folders whose names begin with a dot."""
    found = []
    for stage, ending in FOLDERS.items():
        for path in (OUTPUT / stage).glob(f"*/*.{ending}"):
            if not path.parent.name.startswith((".", "_")):
                found.append((path.stat().st_mtime, stage, path))
    return sorted(found, reverse=True)


def table_of_files(files):
    return [
        {
            "time": datetime.datetime.fromtimestamp(when, datetime.UTC),
            "stage": stage,
            "table": path.parent.name,
            "file": path.name,
            "bytes": size_of(path),
        }
        for when, stage, path in files
    ]


@st.fragment(run_every=EVERY)
def show_river():
    river = ask("/snapshot")
    if river is None:
        st.info(f"No dashboard answers at {DASHBOARD}. Start one: riacho dashboard FILE")
        return
    totals = river["totals"]
    places = st.columns(4)
    places[0].metric("landed rows", f"{totals['landed']['rows']:,}")
    places[1].metric("adjusted rows", f"{totals['adjusted']['rows']:,}")
    places[2].metric("exported rows", f"{totals['exported']['rows']:,}")
    places[3].metric("dead letters", f"{river['dead']:,}")


@st.fragment(run_every=EVERY)
def show_files():
    files = find_files()
    st.subheader(f"{len(files)} files")
    st.dataframe(table_of_files(files), hide_index=True, width="stretch", key="files")


def show_rows(table):
    """Rows of the adjusted files of a table, its columns as a chart, and its places on a map."""
    rows = duckdb.sql(
        "SELECT * FROM read_parquet(?, union_by_name = true) LIMIT ?",
        params=[str(OUTPUT / "adjusted" / table / "**" / "*.parquet"), MOST_ROWS],
    ).df()
    st.dataframe(rows, hide_index=True, width="stretch", key="rows")
    numbers = [name for name in rows.columns if rows[name].dtype.kind in "if"]
    if numbers:
        column = st.selectbox("Chart of", numbers, key="column")
        st.bar_chart(rows[column].round().value_counts().sort_index(), x_label=column, y_label="rows")
    if {"latitude", "longitude"} <= set(rows.columns):
        st.map(rows[["latitude", "longitude"]].dropna())


def main():
    st.set_page_config("riacho", "🌊", layout="wide")
    st.title("riacho")
    st.caption(f"Files in {OUTPUT.resolve()}, as they come")
    if DASHBOARD:
        show_river()
    show_files()
    tables = sorted({path.parent.name for _, stage, path in find_files() if stage == "adjusted"})
    if not tables:
        st.info("No table yet. Run a pipeline: riacho run FILE")
        return
    st.subheader("Rows")
    show_rows(st.selectbox("Table", tables, key="table"))


main()
