"""The bench's pages: both READMEs quote what was measured, as it was measured."""

import re

import pytest
import riacho

RESULTS = riacho.ROOT / "bench" / "RESULTS.md"


def rows_of(table):
    """The rows of a table; its head is in the page's language."""
    return [line for line in table.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_the_readme_quotes_the_figures_of_the_results(name):
    measured = re.search(r"^## In short$(.*?)^## ", RESULTS.read_text(), re.M | re.S)[1]

    quoted = re.search(r"<!-- bench/RESULTS\.md, by make bench -->\n(.*?)<!-- end -->", (riacho.ROOT / name).read_text(), re.S)

    assert rows_of(quoted[1]) == rows_of(measured)


def test_each_workload_of_the_results_has_rows_of_riacho():
    sections = re.split(r"^## \((\w+)\) .*$", RESULTS.read_text(), flags=re.M)[1:]

    for name, text in zip(sections[::2], sections[1::2]):
        assert "| **riacho " in text, name
