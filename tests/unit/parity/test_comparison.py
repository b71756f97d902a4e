"""The printed form and the JSON of a comparison."""

import json
from dataclasses import replace

import numpy as np

from kerasbridge.parity.compare import Comparison
from kerasbridge.parity.verdict import judge
from tests.unit.parity.records import curve, record


def comparison(*records):
    judgement = judge(records)
    return Comparison(judgement.verdict, records, judgement)


def test_a_comparison_is_json():
    found = comparison(record("jax"), record("torch")).as_dict()
    assert json.loads(json.dumps(found))["verdict"] == "identical"
    assert found["pairs"][0]["backends"] == ["jax", "torch"]
    assert [run["label"] for run in found["runs"]] == ["jax", "torch"]


def test_losses_that_are_not_finite_are_reported():
    losses = curve().losses
    losses[6:] = np.nan
    found = comparison(record("jax", curve(losses)), record("torch", curve(losses)))
    assert found.diverged == 7
    assert found.as_dict()["diverged"] == 7
    assert comparison(record("jax")).diverged is None


def test_only_new_records_are_saved(tmp_path):
    comparison(record("jax"), replace(record("jax"), label="jax, 2026-11-01")).save(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["jax.npz"]
