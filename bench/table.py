"""Makes bench/RESULTS.md, and the short table of the READMEs, from what was measured."""

import pathlib
import re
import statistics

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUOTED = re.compile(r"(<!-- bench/RESULTS\.md, by make bench -->\n).*?(<!-- end -->)", re.S)

TITLES = {
    "a": "500 pages of 1,000 earthquakes, nested JSON",
    "b": "ten times that: 5,000 pages",
    "c": "one page of 100 earthquakes, from a cold start",
    "d": "2,000 files of 10 records (`roll.rows: 10`), of as many pages or of 20",
    "e": "flat records of 200 columns",
    "f": "long texts, about 8 kB a record",
    "g": "objects nested twelve deep, with lists of objects",
    "h": "100 pages from a server that takes 50 ms to answer",
    "d10": "20,000 files of 10 records",
}
PEERS = {
    "PySpark": "PySpark, the original's shape",
    "dlt": "dlt",
    "polars (dicts)": "polars, from dicts",
    "polars (read_json)": "polars, `read_json`",
    "DuckDB from Python": "DuckDB from Python",
    "DuckDB read_json": "DuckDB `read_json`, pages on disk",
}
OVER_KAFKA = "riacho run over Kafka"
MIB = 2**20


class Figures:
    """The medians of what was measured; None for what was not."""

    def __init__(self, results):
        self.sections = results["sections"]

    def all(self, key, label, what):
        samples = self.sections.get(key, {}).get("jobs", {}).get(label, [])
        return [sample[what] for sample in samples if what in sample]

    def median(self, key, label, what):
        values = self.all(key, label, what)
        return statistics.median(values) if values else None

    def landed(self, key, label="riacho extract"):
        return self.median(key, label, "landed")

    def whole(self, key, label="riacho run"):
        return self.median(key, label, "whole")

    def against(self, key, label, what, own=None):
        """How many times riacho's seconds it took, or another's: round by round, since machines are not the same for long."""
        own = own or ("riacho extract" if what == "landed" and self.landed(key) else "riacho run")
        pairs = zip(self.all(key, label, what), self.all(key, own, what))
        ratios = [theirs / ours for theirs, ours in pairs]
        return statistics.median(ratios) if ratios else None

    def cpu_of_each(self, key):
        cpu = self.median(key, "riacho run", "cpu")
        return cpu and cpu / self.sections[key]["records"]

    def references(self, key):
        return self.sections[key]["records"] / 10 if key in self.sections else None

    def floor(self):
        """CPU seconds of each part of (a) alone, over the cores of the machine that they were asked for: two."""
        floors = self.sections.get("a", {}).get("floors")
        return floors and sum(floor["cpu"] for name, floor in floors.items() if "durable" not in name) / 2


def ratio(above, below):
    return above / below if above is not None and below else None


# ---- words for figures ----


def seconds(value):
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def times(value):
    return "" if value is None else f"{value:.2f} ×" if value < 10 else f"{value:.0f} ×"


def mebibytes(value):
    return "" if value is None else f"{value / MIB:.0f} MiB"


def spread(values):
    if len(values) < 2:
        return seconds(values[0]) if values else ""
    return f"{seconds(statistics.median(values))} ({seconds(min(values))} to {seconds(max(values))})"


# ---- goals ----


def goals(f):
    """(what, goal, measured, its words, whether met); measured is None where the workload was not run."""

    def at_most(what, goal, measured, words):
        return what, f"≤ {words(goal)}", measured, words, measured is not None and measured <= goal

    def at_least(what, goal, measured, words):
        return what, f"≥ {words(goal)}", measured, words, measured is not None and measured >= goal

    def landing(label):
        return f.against("a", label, "landed")

    per_second = ratio(f.references("d"), f.whole("d"))
    return [
        at_most("landing of (a), against DuckDB `read_json` over pages on disk", 0.6,
                f.against("a", "riacho extract", "landed", "DuckDB read_json"), times),
        at_least("landing of (a), PySpark against riacho", 30, landing("PySpark"), times),
        at_least("landing of (a), dlt against riacho", 25, landing("dlt"), times),
        at_least("landing of (a), polars (from dicts) against riacho", 14, landing("polars (dicts)"), times),
        at_least("landing of (a), polars at its best against riacho", 14, landing("polars (read_json)"), times),
        at_least("landing of (a), DuckDB from Python against riacho", 5, landing("DuckDB from Python"), times),
        at_least("whole run of (a), PySpark against riacho", 25, f.against("a", "PySpark", "whole"), times),
        at_most("whole run of (a), against its floor", 1.5, ratio(f.whole("a"), f.floor()), times),
        at_most("peak memory, landing of (a)", 192 * MIB, f.median("a", "riacho extract", "peak"), mebibytes),
        at_most("peak memory, whole run of (a)", 256 * MIB, f.median("a", "riacho run", "peak"), mebibytes),
        at_most("peak memory, (b) against (a)", 1.15,
                ratio(f.median("b", "riacho run", "peak"), f.median("a", "riacho run", "peak")), times),
        at_most("(c), from start to adjusted Parquet and CSV", 0.12, f.whole("c"), seconds),
        at_least("(c), PySpark against riacho", 100, f.against("c", "PySpark", "whole"), times),
        at_least("(d), references a second", 400, per_second, lambda value: f"{value:.0f}/s"),
        at_least("(d) over Kafka, references a second", 300, ratio(f.references("d"), f.whole("d", OVER_KAFKA)),
                 lambda value: f"{value:.0f}/s"),
        at_most("(d) over Kafka, against `local`", 1.5, f.against("d", OVER_KAFKA, "whole"), times),
        at_most("CPU of a record, (b) against (a)", 1.1, ratio(f.cpu_of_each("b"), f.cpu_of_each("a")), times),
        at_most("CPU of a reference, 20,000 against 2,000", 1.1,
                ratio(f.cpu_of_each("d10"), f.cpu_of_each("d")), times),
    ]


def goals_table(f):
    lines = ["| what | goal | measured | |", "|---|---|---|---|"]
    for what, goal, measured, words, is_met in goals(f):
        if measured is None:
            lines.append(f"| {what} | {goal} | not run | |")
        else:
            lines.append(f"| {what} | {goal} | {words(measured)} | {'met' if is_met else '**not met**'} |")
    return lines


# ---- the short table that the READMEs quote ----


HEADS = {
    "README.md": "| 500,000 earthquakes, 500 pages | landed | to adjusted Parquet and CSV | peak memory |",
    "README.pt-BR.md": "| 500.000 terremotos, 500 páginas | gravados | até Parquet ajustado e CSV | pico de memória |",
}
NAMES = {"DuckDB from Python": "DuckDB + Python", "polars (read_json)": "polars", "dlt": "dlt", "PySpark": "PySpark"}


def short_rows(f):
    """Rows of the short table, the same in every language; none while (a) was not measured."""
    if f.landed("a") is None or f.whole("a") is None:
        return []
    peak = mebibytes(f.median("a", "riacho run", "peak"))
    rows = [f"| **riacho** | {seconds(f.landed('a'))} | {seconds(f.whole('a'))} | {peak} |"]
    for label, name in NAMES.items():
        if f.landed("a", label) is None:
            continue
        landed, whole = (with_times(f, label, what) for what in ("landed", "whole"))
        rows.append(f"| {name} | {landed} | {whole} | {mebibytes(f.median('a', label, 'peak'))} |")
    return rows


def with_times(f, label, what):
    value = f.median("a", label, what)
    return "" if value is None else f"{seconds(value)} ({times(f.against('a', label, what))})"


def quote(results):
    f = Figures(results)
    for name, head in HEADS.items():
        path = ROOT / name
        lines = "".join(line + "\n" for line in short_table(head, f))
        path.write_text(QUOTED.sub(lambda found: found[1] + lines + found[2], path.read_text()))


def short_table(head, f):
    rows = short_rows(f)
    return [head, "|---|---|---|---|", *rows] if rows else []


# ---- sections ----


def section_lines(key, section, f):
    mebi = section["bytes"] / MIB
    lines = ["", f"## ({key}) {TITLES[key]}", ""]
    lines.append(
        f"{section['records']:,} records, {mebi:,.0f} MiB of JSON. {section['begun'].replace('+00:00', 'Z')}; "
        f"load average of the machine before it: {section['load']:.1f}."
    )
    lines += ["", "| | landed | × | to adjusted Parquet and CSV | × | CPU | peak memory | runs |", "|---" * 8 + "|"]
    for label, samples in section["jobs"].items():
        lines.append(job_line(key, label, samples, f))
    for label, why in section["failed"].items():
        lines.append(f"| {PEERS.get(label, label)} | failed: {why} | | | | | | |")
    if "floors" in section:
        lines += floor_lines(section, f)
    return lines


def job_line(key, label, samples, f):
    landed, whole = f.all(key, label, "landed"), f.all(key, label, "whole")
    is_own = label.startswith("riacho")
    name = f"**{label}**" if is_own else PEERS[label]
    by_landing = "" if is_own else times(f.against(key, label, "landed"))
    by_whole = "" if is_own else times(f.against(key, label, "whole"))
    return (
        f"| {name} | {spread(landed)} | {by_landing} | {spread(whole)} | {by_whole} | "
        f"{seconds(f.median(key, label, 'cpu'))} | {mebibytes(max(f.all(key, label, 'peak')))} | {len(samples)} |"
    )


def floor_lines(section, f):
    lines = ["", "Each part alone, so that what riacho adds can be seen:", "", "| part | CPU | time |", "|---|---|---|"]
    for name, floor in section["floors"].items():
        lines.append(f"| {name} | {seconds(floor['cpu'])} | {seconds(floor['seconds'])} |")
    lines.append(f"| **floor: the CPU of all but the fsyncs, over 2 cores** | | {seconds(f.floor())} |")
    own = f.median("a", "riacho run", "cpu")
    lines += ["", f"riacho's whole run takes {seconds(own)} of CPU, {times(ratio(own, 2 * f.floor()))} the parts together."]
    return lines


def page(results):
    f, on, by = Figures(results), results["machine"], results["versions"]
    lines = [
        "# Results of the bench",
        "",
        "Written by `make bench`; [docs/performance.md](../docs/performance.md) tells what is measured and how. Times are",
        "medians (least to greatest) of runs in turns on one machine, from the start of the program, with all that it",
        "imports. × is against riacho, the median of the rounds. CPU is user and system time, and memory what is resident at one moment, of all",
        "processes of a job. Every job's rows were counted by another reader, and the adjusted ones compared.",
        "",
        f"Machine: {on['processor']}, {on['cores']} cores, {on['memory']}, {on['system']}, Linux {on['kernel']}.  ",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in by.items()) + ".",
        "",
        "## Goals",
        "",
        *goals_table(f),
        "",
        "## In short",
        "",
        *short_table(HEADS["README.md"], f),
    ]
    for key in TITLES:
        if key in results["sections"]:
            lines += section_lines(key, results["sections"][key], f)
    return "\n".join(lines) + "\n"
