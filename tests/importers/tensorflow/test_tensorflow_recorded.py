"""TensorFlow files with recorded outputs, on every backend and without TensorFlow.

`scripts/make_tensorflow_files.py` wrote them, from the networks in `tests/importers/tensorflow_nets.py`.
"""

import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers import tensorflow_nets as nets
from tests.importers.nets import assert_close, saved_and_loaded
from tests.paths import ROOT

RECORDED = ROOT / "tests" / "importers" / "tensorflow_files" / "recorded.zip"


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
    assert report.skipped[0].what == "a dropout that keeps keep_prob, which is fed when training"
    assert_as_recorded(model, ["scores"], digits, recorded / "lenet" / "expected.npz")


def test_a_lenet_can_be_fine_tuned(recorded):
    data = kb.datasets.mnist("sample")
    x, y = data.x_train[:320].reshape(-1, 784) / np.float32(255), data.y_train[:320]
    model = kb.load_legacy(recorded / "lenet" / "saved")
    from kerasbridge.keras_compat import keras

    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = kb.fit(model, x, y, epochs=3, batch_size=32, seed=0, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_checkpoint_of_tensorflow_1(recorded):
    folder = recorded / "checkpoint"
    for path in sorted(folder.glob("model.*")):
        assert_as_recorded(kb.load_legacy(path), ["y"], nets.given((3, 7)), folder / "expected.npz")


def test_a_saved_model_of_tensorflow_2(recorded):
    folder = recorded / "module"
    model = kb.load_legacy(folder / "module", data_format="channels_first")
    x = np.moveaxis(nets.given(nets.IMAGES), -1, 1)
    assert_as_recorded(model, ["scores", "shares"], x, folder / "expected.npz")


TWO_INPUTS = [nets.given((2, 7, 6, 2)), nets.given((2, 5, 3))]


def test_a_keras_2_saved_model_is_restored_layer_by_layer(recorded, tmp_path):
    folder = recorded / "keras2"
    model = saved_and_loaded(kb.load_legacy(folder / "model"), tmp_path)
    kinds = {type(layer).__name__ for layer in model.layers}
    assert {"Bidirectional", "BatchNormalization", "GRU", "TimeDistributed", "Functional"} <= kinds
    assert_as_recorded(model, ["0", "1"], TWO_INPUTS, folder / "expected.npz")


def test_a_saved_model_with_unsupported_layers_is_restored_from_its_graph(recorded):
    folder = recorded / "lambdas"
    x = nets.given((3, 4, 1))[..., 0]
    assert_as_recorded(kb.load_legacy(folder / "model"), ["0"], x, folder / "expected.npz")


@pytest.mark.parametrize("name", ["one", "two", "tracked"])
def test_variables_alone_are_loaded_into_a_model(recorded, name, drawn_on_the_host):
    from kerasbridge.keras_compat import keras

    folder = recorded / "weights"
    model = kb.load_legacy(folder / f"{name}.index", model=nets.sequence(keras))
    assert_as_recorded(model, ["0"], nets.given((4, 6, 5, 1)), folder / "expected.npz")


def test_variables_of_a_saved_model_are_loaded_into_a_model(recorded, drawn_on_the_host):
    from kerasbridge.keras_compat import keras
    from kerasbridge.layers import hard_sigmoid

    model = nets.of_keras(keras)
    model.get_layer("old").cell.recurrent_activation = hard_sigmoid  # Keras 3 has another one
    kb.load_legacy(recorded / "keras2" / "model", model=model)
    assert_as_recorded(model, ["0", "1"], TWO_INPUTS, recorded / "keras2" / "expected.npz")


def test_variables_without_scopes_are_named_by_a_mapping(recorded, drawn_on_the_host):
    from kerasbridge.keras_compat import keras

    folder = recorded / "checkpoint"
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(4, name="dense")])
    kb.load_legacy(folder / "model.ckpt.index", model=model, mapping={"dense": ["matrix", "bias"]})
    assert_as_recorded(model, ["y"], nets.given((3, 7)), folder / "expected.npz")


def test_a_channels_first_model_is_rejected(recorded, drawn_on_the_host):
    from kerasbridge.keras_compat import keras

    model = keras.Sequential([keras.Input((1, 6, 5)), keras.layers.Conv2D(4, 3, data_format="channels_first")])
    with pytest.raises(kb.errors.ArgumentError, match="TensorFlow's variables are for channels last"):
        kb.load_legacy(recorded / "weights" / "one.index", model=model)
