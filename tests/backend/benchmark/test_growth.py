"""Every series of `kerasbridge.benchmark.growth` is measured, with small sizes."""

import json
from dataclasses import asdict

import pytest

from kerasbridge.benchmark.growth import SERIES
from kerasbridge.benchmark.growth_result import Point

SIZES = {"empty": 8, "batch": 512, "depth": 2, "sequence": 3, "rows": 2100}


@pytest.mark.once
@pytest.mark.parametrize("name", list(SERIES))
def test_a_series_is_measured(name):
    (point,) = SERIES[name].measure([SIZES[name]])
    assert point.size == SIZES[name]
    assert point.steps == {"empty": 8, "batch": 8, "depth": 32, "sequence": 8, "rows": 3}[name]
    assert min(point.begin.wall, point.first.wall, point.epoch.wall) > 0
    assert point.peak is None or point.peak >= 0
    assert Point.read(json.loads(json.dumps(asdict(point)))) == point
