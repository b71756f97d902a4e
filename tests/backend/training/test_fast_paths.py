"""Fast paths are used by default, listed, and switched off by name; a continued run keeps the choice."""

import logging

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import fast_paths
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES

X, Y = CASES["MLP"].arrays(16)
NEW = frozenset({"doubled", "unused"})


def loss(y_true, y_pred):
    factor = 2.0 if fast_paths.use("doubled") else 1.0
    return factor * keras.ops.mean(keras.ops.square(y_pred - keras.ops.expand_dims(y_true, 1)), axis=-1)


@pytest.fixture(autouse=True)
def two_new(monkeypatch):
    monkeypatch.setattr(fast_paths, "FAST_PATHS", dict.fromkeys(NEW, "for these tests"))
    monkeypatch.delenv("KERASBRIDGE_FAST_PATHS", raising=False)


@pytest.fixture(scope="module")
def model():
    return compiled()


def compiled():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


def fit(model, **arguments):
    return kb.fit(model, X, Y, batch_size=8, shuffle=False, verbose=0, seed=0, **arguments)


def test_a_run_uses_all_or_those_that_are_named(model, monkeypatch):
    both = fit(model, validation_data=(X, Y))
    assert both.params["fast_paths"] == ["doubled"]
    no, other = fit(model, fast_paths=()), fit(model, fast_paths=("unused",))
    assert no.params["fast_paths"] == other.params["fast_paths"] == []
    assert no.history["loss"] == other.history["loss"]
    assert both.history["loss"] == both.history["val_loss"] == [2 * value for value in no.history["loss"]]
    again = fit(model)  # its compiled step is that of the first run
    assert again.params["fast_paths"] == ["doubled"]
    assert again.history["loss"] == both.history["loss"]
    for value, names in {"none": [], "": [], "unused": [], "unused, doubled": ["doubled"]}.items():
        monkeypatch.setenv("KERASBRIDGE_FAST_PATHS", value)
        assert fit(model).params["fast_paths"] == names
        expected = (both if names else no).history["loss"][0]
        np.testing.assert_allclose(kb.evaluate(model, X, Y, verbose=0), expected, rtol=1e-6)
    monkeypatch.setenv("KERASBRIDGE_FAST_PATHS", "none")
    assert fit(model, fast_paths=["doubled"]).params["fast_paths"] == ["doubled"]


@pytest.mark.once
def test_an_unknown_name_is_refused(model, monkeypatch):
    for names in ("doubled", ("doubled", "missing"), 5, [["doubled"]]):
        with pytest.raises(ArgumentError, match="Expected fast_paths to be names among doubled, unused; received"):
            fit(model, fast_paths=names)
    monkeypatch.setenv("KERASBRIDGE_FAST_PATHS", "doubled,missing")
    for call in (lambda: fit(model), lambda: kb.evaluate(model, X, Y, verbose=0)):
        with pytest.raises(ArgumentError, match="Expected KERASBRIDGE_FAST_PATHS to be names"):
            call()


@pytest.mark.once
def test_a_continued_run_takes_the_choice_from_its_folder(tmp_path, caplog, monkeypatch):
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        fit(compiled(), run_dir=tmp_path, checkpoint_every="1 epoch", fast_paths=("unused",))
        assert kb.runs.load(tmp_path).config.fast_paths == ["unused"]
        assert fit(compiled(), run_dir=tmp_path, resume=True, epochs=2).params["fast_paths"] == []
        assert not caplog.messages
        monkeypatch.setattr(fast_paths, "FAST_PATHS", {"doubled": "the other one was removed"})
        history = fit(compiled(), run_dir=tmp_path, resume=True, epochs=3)
    assert kb.runs.load(tmp_path).config.fast_paths == history.params["fast_paths"] == []
    assert "continues with fast_paths was" in caplog.text
    caplog.clear()
    monkeypatch.setenv("KERASBRIDGE_FAST_PATHS", "doubled")  # the choice of the user comes first
    assert fit(compiled(), run_dir=tmp_path, resume=True, epochs=4).params["fast_paths"] == ["doubled"]
    assert "continues with fast_paths was" in caplog.text
