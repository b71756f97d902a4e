"""The printed form and the JSON of a comparison."""

import importlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.parity.compare import Comparison, compare
from kerasbridge.parity.diagnose import diagnose
from kerasbridge.parity.record import Record
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


def test_a_record_replaces_a_record_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(
        importlib.import_module("kerasbridge.parity.compare"), "check_backends", lambda names, **_: names
    )
    for _ in range(2):
        comparison(record("jax"), record("torch")).save(tmp_path)
    (tmp_path / "torch.npz").write_text("mine")
    with pytest.raises(DataError, match=r"torch\.npz is not a record of kerasbridge, so it is not replaced"):
        comparison(record("torch")).save(tmp_path)
    with pytest.raises(DataError, match=r"torch\.npz is not a record"):
        compare(backends=["torch"], save=tmp_path)
    assert (tmp_path / "torch.npz").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_no_record(tmp_path):
    os.mkfifo(tmp_path / "r.npz")
    with pytest.raises(DataError, match="it is not a regular file"):
        Record.read(tmp_path / "r.npz")


class Anything:
    """An object that is neither a name nor a path, such as a model."""


@pytest.mark.parametrize("value", [5, b"x", ["a"], "a\0b", Anything()])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model", '"mlp", "cnn" or the path of a .keras file, which each backend loads'),
        ("script", 'a file and a function in it, such as "train.py:build"'),
        ("data", '"sample", "full" or the path of an .npz or .csv file or of a folder of images'),
        ("against", "the path of a record"),
        ("save", "the path of a folder"),
    ],
)
def test_an_argument_that_is_no_path_is_rejected(name, expected, value):
    for function in (compare, diagnose) if name in ("model", "script", "data") else (compare,):
        with pytest.raises(ArgumentError) as caught:
            function(**{name: value})
        assert str(caught.value).startswith(f"Expected {name} to be {expected}, received ")
        assert "object at" not in str(caught.value)
