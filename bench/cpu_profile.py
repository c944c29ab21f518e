"""`make bench-profile`: where the CPU of riacho's run goes, by part, for workloads of the bench. Needs Linux' perf.

Each sample of `perf record` is counted for the part that its function belongs to: riacho's own functions by the source
file that holds them, those of DuckDB by their names, the rest by their library. Writes build/bench/profiles.md.

usage: cpu_profile.py a,c,…
"""

import collections
import contextlib
import pathlib
import re
import subprocess
import sys

import data
import jobs
import server

HOME = jobs.ROOT / "build" / "bench"
OBJECTS = jobs.ROOT / "build" / "plain" / "src"

# (part, the source files of riacho whose functions it is made of)
FILES = [
    ("split into records", r"source/(split|walk|records|detect)\.o"),
    ("vectors: JSON into DuckDB's columns", r"landing/(shred|keys|layout|json_text|number|feed_table)\.o"),
    ("types: what records show", r"landing/infer\.o|db/schema\w*\.o"),
    ("CSV", r"sink/.*|base/(buf|str)\.o"),
    ("requests, pages", r"source/.*"),
    ("riacho, the rest", r".*"),
]
# (part, what the library is called, what the function is called)
LIBRARIES = [
    ("parse (yyjson)", r"riacho", r"yyjson|read_(root|str|num)|take_digits|skip_"),
    ("state (SQLite)", r"riacho", r"sqlite3|vdbe|btree|pager|pcache|wal[A-Z]|unix[A-Z]|balance|moveTo"),
    ("decompression (zstd in DuckDB)", r"libduckdb", r"ZSTD_.*decomp|decompress|Decompress|HUF_readD|FSE_readN"),
    ("compression (zstd in DuckDB)", r"libduckdb", r"ZSTD|HUF_|FSE_|HIST_"),
    ("Parquet and queries (DuckDB)", r"libduckdb", r""),
    ("kernel: network, files, memory", r"kernel|vmlinux|vdso", r""),
    ("copying and comparing bytes (libc)", r"libc\.so", r"mem|str"),
    ("allocation and the rest of libc", r"libc\.so|libstdc|libm\.", r""),
    ("SHA-256 (libcrypto)", r"libcrypto", r""),
    ("HTTP (libcurl)", r"libcurl|libssl|libnghttp", r""),
    ("start: loading libraries", r"ld-linux", r""),
]


def homes_of_functions():
    """Function: the object of riacho's that defines it."""
    homes = {}
    for path in OBJECTS.rglob("*.o"):
        names = subprocess.run(["nm", path], capture_output=True, text=True).stdout
        for name in re.findall(r"^[0-9a-f]+ [tT] (\w+)", names, re.M):
            homes.setdefault(name, str(path.relative_to(OBJECTS)))
    return homes


def part_of(library, function, homes):
    if library.startswith("riacho") and function in homes:
        return next(part for part, files in FILES if re.fullmatch(files, homes[function]))
    for part, libraries, functions in LIBRARIES:
        if re.search(libraries, library) and re.search(functions, function):
            return part
    return "riacho, the rest" if library.startswith("riacho") else "others"


def samples(key, url):
    """(library, function) of every sample of a run."""
    folder, record = jobs.fresh("profile"), HOME / "perf.data"
    is_small = key.startswith("d")
    jobs.write_pipeline(folder, url, key, 10 if is_small else None, csv=not is_small)
    run = [jobs.RIACHO, "run", "--quiet", "pipeline.yaml"]
    subprocess.run(["perf", "record", "-q", "-F", "997", "-o", record, *run], cwd=folder, check=True)
    script = subprocess.run(["perf", "script", "-i", record, "-F", "ip,sym,dso"], capture_output=True, text=True).stdout
    for line in script.splitlines():
        found = re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
        if found:
            yield pathlib.Path(found[2]).name, re.sub(r"\.(isra|constprop|part|cold).*$", "", found[1])


def table_of(key, url, homes):
    parts = collections.Counter(part_of(library, function, homes) for library, function in samples(key, url))
    total = sum(parts.values())
    lines = [f"## ({key})", "", "| part | share of the CPU |", "|---|---|"]
    shares = [(part, 100 * count / total) for part, count in parts.most_common()]
    return lines + [f"| {part} | {share:.0f} % |" for part, share in shares if share >= 0.5]


def main(keys):
    homes = homes_of_functions()
    with contextlib.closing(server.nginx(data.HOME, HOME / "nginx")) as nginx:
        lines = []
        for key in keys:
            data.make(key)
            lines += table_of(key, nginx.url, homes) + [""]
    (HOME / "profiles.md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1].split(","))
