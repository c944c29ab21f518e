"""What the peers share: the job that the bench gives them, and the moments that it wants to hear of.

A peer gets three arguments: `land` or `all`, the URL of the first page, and how many pages make a file. It works in
the current folder: landed files in landed/, adjusted ones in adjusted/, CSV in csv/. Pages are followed as riacho
follows them, by the link in `metadata.next`; the records are in `features`. Where riacho's defaults make a file of
100,000 records, so do the peers, and all compress with zstd.
"""

import pathlib
import sys

MODE, FIRST_URL, PAGES_PER_FILE = sys.argv[1], sys.argv[2], int(sys.argv[3])
LANDED, ADJUSTED, CSV = pathlib.Path("landed"), pathlib.Path("adjusted"), pathlib.Path("csv")

for folder in LANDED, ADJUSTED, CSV:
    folder.mkdir(exist_ok=True)


def tell(moment):
    print(f"@ {moment}", flush=True)
