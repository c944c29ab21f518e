"""The engine on Spark: the engine's contract, whole pipelines with the rows that DuckDB gives, folders as
outputs, faults of the server."""

import datetime
import decimal
import json
import math

import pytest
import riacho

pytestmark = pytest.mark.spark


@pytest.mark.timeout(900)
def test_the_contract_of_the_engine(contract):
    assert "[       OK ] every_drift_loses_nothing" in contract("engine_contract")
