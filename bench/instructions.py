"""`make bench-instructions`: how many instructions a record costs in each step, compared with what is on record.

Timings of a busy machine say little; the count of instructions hardly changes from run to run (below 1 %). valgrind
counts them over bench/instructions/steps.c on one core and fixed pages. A step that got more than 5 % dearer than
bench/instructions.json says fails; --record writes the file anew.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

import data

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECORD = ROOT / "bench" / "instructions.json"
HOME = ROOT / "build" / "bench" / "instructions"
STEPS = ROOT / "build" / "plain" / "bench" / "steps"
WORSE = 1.05

# step: (the phase that steps.c dumped, the function whose cost counts with all that it calls; None: the whole phase)
WHERE = {
    "split": ("landing", "split_feed"),
    "parse": ("landing", "feed_table_parse"),
    "shred": ("landing", "shred_record"),
    "transform": ("transform", None),
}


def count():
    """Runs the steps under valgrind; gives the instructions of each step for one record."""
    data.make("steps")
    HOME.mkdir(parents=True, exist_ok=True)
    for old in HOME.glob("out*"):
        old.unlink()
    # Without debug information a function has one line, by whatever paths a compiler's cache knew its file.
    bare = STEPS.with_name("steps-bare")
    subprocess.run(["strip", "--strip-debug", "-o", bare, STEPS], check=True)
    valgrind = ["taskset", "-c", "0", "valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={HOME}/out"]
    subprocess.run([*valgrind, bare, *data.page_paths("steps")], check=True, stdout=subprocess.DEVNULL)
    phases = {phase_of(dump): dump for dump in HOME.glob("out.*")}
    records = data.rows_of("steps")
    return {step: round(cost_of(phases[phase], function) / records) for step, (phase, function) in WHERE.items()}


def phase_of(dump):
    return re.search(r"^desc: Trigger: Client Request: (\w+)$", dump.read_text(), re.M)[1]


def cost_of(dump, function):
    if function is None:
        return int(re.search(r"^totals: (\d+)", dump.read_text(), re.M)[1])
    annotate = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(dump)]
    lines = subprocess.run(annotate, check=True, capture_output=True, text=True).stdout
    return int(re.search(rf"^ *([\d,]+) .*:{function} \[", lines, re.M)[1].replace(",", ""))


def is_same_way(step):
    """Whether this processor goes the way that is on record: splitting has one for AVX2."""
    return step != "split" or re.search(r"^flags.* avx2 ", pathlib.Path("/proc/cpuinfo").read_text(), re.M)


def compare(found, recorded):
    """Prints each step's count beside the record; gives the steps that got too dear."""
    for step, instructions in found.items():
        change = instructions / recorded[step] - 1
        print(f"{step:10} {instructions:7,} instructions a record ({change:+.1%} of the {recorded[step]:,} on record)")
    same = filter(is_same_way, found)
    return [step for step in same if found[step] > recorded[step] * WORSE]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="put today's counts on record")
    asked = parser.parse_args()
    found = count()
    if asked.record:
        RECORD.write_text(json.dumps(found, indent=4) + "\n")
    recorded = json.loads(RECORD.read_text())
    worse = compare(found, recorded)
    if any(instructions * WORSE < recorded[step] for step, instructions in found.items()):
        print("bench-instructions: a step got over 5 % cheaper; make bench-record keeps it so")
    if worse:
        print(
            f"bench-instructions: {', '.join(worse)}: over 5 % more than on record. `callgrind_annotate "
            f"--inclusive=yes build/bench/instructions/out.1` tells where. If the work is worth it: make bench-record",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
