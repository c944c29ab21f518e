"""One very large answer: it streams, in bounded memory, and lands whole."""

import pathlib
import re
import time

import duckdb
import pytest
import riacho
from riacho import conf_of, resource_of

SIZE = (1 << 30) if riacho.IS_TORTURE else (64 << 20)
MEMORY_LIMIT = 256 << 20
PAD = "lorem ipsum dolor sit amet " * 5


def record_text(number):
    return '{"id":%d,"amount":%d.5,"name":"record %d","nested":{"a":%d,"b":"%s"}}' % (
        number,
        number,
        number,
        number % 97,
        PAD,
    )


def measured(p, command):
    """Runs the program; gives its greatest resident size in bytes. What wait4() tells would include this process's."""
    most_kib = 0
    with p.start(command) as process:
        status = pathlib.Path(f"/proc/{process.popen.pid}/status")
        while process.is_running():
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
            most_kib = max(most_kib, int(found.group(1)) if found else 0)
            time.sleep(0.005)
        process.wait()
    return most_kib * 1024


@pytest.mark.torture
@pytest.mark.timeout(3600 if riacho.IS_TORTURE else 300)
def test_one_large_array_lands_whole_in_bounded_memory(api, pipeline):
    big = api.add_stream("/big", size=SIZE, record_text=record_text)
    p = pipeline(conf_of(api, resource_of("big", big), landing={}, memory_limit="256MiB"))

    most_bytes = measured(p, "run")

    for kind in ("landing", "adjusted"):
        found = duckdb.sql(
            f"SELECT count(*), count(DISTINCT id), min(id), max(id), sum(id), sum(amount)"
            f" FROM read_parquet('{p.output}/{kind}/big/*.parquet', union_by_name = true)"
        ).fetchall()[0]
        n = big.records_sent
        assert found == (n, n, 0, n - 1, n * (n - 1) // 2, n * (n - 1) / 2 + n / 2)
    assert most_bytes < MEMORY_LIMIT * 1.1, f"{most_bytes >> 20} MiB"
    p.check()


@pytest.mark.torture
def test_a_large_array_that_breaks_lands_nothing_of_itself_and_then_whole(api, pipeline):
    big = api.add_stream("/big", size=40 << 20, record_text=record_text, fail_after=25 << 20)
    big.faults = {2: lambda exchange: exchange.reset(), 3: lambda exchange: exchange.reset()}
    p = pipeline(conf_of(api, resource_of("big", big), landing={}))

    p.run(status=None)
    assert sum(event["data"]["rows"] for event in p.references("landed")) in (0, big.records_sent)
    p.run(status=None)

    n = big.records_sent
    found = duckdb.sql(f"SELECT count(*), count(DISTINCT id) FROM '{p.output}/landing/big/*.parquet'").fetchall()[0]
    assert found[1] == n and found[0] % n == 0
    p.check()
