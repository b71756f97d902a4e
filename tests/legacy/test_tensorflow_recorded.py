"""TensorFlow's files with what TensorFlow computed, on every backend and without TensorFlow.

`scripts/make_tensorflow_files.py` wrote them, of the networks in `tests/legacy/tensorflow_nets.py`.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
from tests.legacy import tensorflow_nets as nets
from tests.legacy.nets import assert_close, saved_and_loaded

RECORDED = Path(__file__).parent / "tensorflow_files" / "recorded.zip"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow")
    with zipfile.ZipFile(RECORDED) as archive:
        archive.extractall(folder)
    return folder


def assert_as_recorded(model, names, x, path):
    expected = np.load(path)
    found = model.predict_on_batch(x)
    found = found if isinstance(found, list | tuple) else [found]
    assert len(found) == len(names) == len(expected.files) // 2
    for name, one in zip(names, map(np.asarray, found), strict=True):
        assert one.shape == tuple(expected[f"{name} shape"])
        assert_close(nets.sample(one), expected[name])


@pytest.mark.parametrize("group", nets.GROUPS)
def test_each_operation_gives_what_tensorflow_gave(recorded, group, tmp_path):
    path = recorded / group / "frozen.pb"
    model, names = kb.load_legacy(path), kb.inspect_legacy(path).outputs
    x = nets.given(nets.GROUPS[group][1])
    assert_as_recorded(saved_and_loaded(model, tmp_path), names, x, recorded / group / "expected.npz")


def test_a_saved_model_of_tensorflow_1(recorded):
    path = recorded / "lenet" / "saved"
    digits = np.random.default_rng(0).random((3, 784)).astype(np.float32)
    model, report = kb.load_legacy(path), kb.inspect_legacy(path)
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    assert "Permute" not in {type(layer).__name__ for layer in model.layers}
    assert report.dropped[0].what == "a dropout that keeps keep_prob, which is fed when training"
    assert_as_recorded(model, ["scores"], digits, recorded / "lenet" / "expected.npz")


def test_a_lenet_is_tuned_further(recorded):
    data = kb.datasets.mnist("sample")
    x, y = data.x_train[:320].reshape(-1, 784) / np.float32(255), data.y_train[:320]
    model = kb.load_legacy(recorded / "lenet" / "saved")
    from kerasbridge._keras import keras

    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = kb.fit(model, x, y, epochs=3, batch_size=32, seed=0, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_checkpoint_of_tensorflow_1(recorded):
    folder = recorded / "checkpoint"
    for path in sorted(folder.glob("model.*")):
        assert_as_recorded(kb.load_legacy(path), ["y"], nets.given((3, 7)), folder / "expected.npz")


def test_a_saved_model_of_tensorflow_2(recorded):
    folder = recorded / "module"
    model = kb.load_legacy(folder / "module", layout="channels_first")
    x = np.moveaxis(nets.given(nets.IMAGES), -1, 1)
    assert_as_recorded(model, ["scores", "shares"], x, folder / "expected.npz")
