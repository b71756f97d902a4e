"""A compiled model can be trained further on every backend that loads it."""

import json
import struct
import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import saving
from kerasbridge.errors import InvalidFileError
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, mlp


def as_if_saved_on(backend, path):
    """Rewrite the optimizer of a saved model as another backend writes it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["compile_config"]["optimizer"]["module"] = f"keras.src.backend.{backend}.optimizers.{backend}_adam"
    config["compile_config"]["jit_compile"] = False
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("saved_on", [None, "torch"])
def test_a_compiled_model_continues_its_training(tmp_path, saved_on):
    x, y = CASES["MLP"].arrays(64)
    model = mlp()
    kb.fit(model, x, y, verbose=0, seed=0)
    model.save(tmp_path / "model.keras")
    if saved_on:
        as_if_saved_on(saved_on, tmp_path / "model.keras")
    loaded = saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is type(model.optimizer)
    for one in (model, loaded):
        history = kb.fit(one, x, y, verbose=0, seed=1)
        assert history.params["execution"] != "eager"
    assert_same_state(loaded, model)


def test_custom_objects_are_found(tmp_path):
    def double(x):
        return 2 * x

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation=double)])
    model.save(tmp_path / "model.keras")
    loaded = saving.load_model(tmp_path / "model.keras", custom_objects={"double": double})
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def refusal(path):
    with pytest.raises(InvalidFileError) as caught:
        saving.load_model(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut short"])
def test_other_files_are_rejected(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    assert "cannot be loaded" in refusal(tmp_path / "model.keras")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The members of the file of a small model."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")]).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("member", "old", "new", "words"),
    [
        ("config.json", None, b"null", "is not the configuration of a model"),
        ("config.json", None, b'{"compile_config": 5}', "is not the configuration of a model"),
        ("config.json", None, b"[" * 100_000, "is not valid JSON"),
        ("config.json", None, b"\xff\xfe\xfd", "is not valid JSON"),
        ("config.json", b'"units": 2', b'"units": 4000000000', "claims to contain more"),
        ("config.json", b'"Dense"', b'"Other"', "cannot be loaded"),
        ("model.weights.h5", None, b"", "has damaged weights"),
        ("../../outside", None, b"", "leads out of its folder"),
    ],
)
@pytest.mark.once
def test_damaged_members_are_rejected(tmp_path, parts, member, old, new, words):
    changed = {**parts, member: parts[member].replace(old, new) if old else new}
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, content in changed.items():
            archive.writestr(name, content)
    assert words in refusal(tmp_path / "model.keras")


@pytest.mark.once
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_text_of_two_gib_in_the_weights_is_not_read(tmp_path, parts, method):
    weights = bytearray(parts["model.weights.h5"])
    heap = struct.pack("<Q", weights.find(b"GCOL"))
    place = weights.find(struct.pack("<I", 5) + heap)  # the text "dense" of 5 letters
    weights[place : place + 4] = struct.pack("<I", 2**31)
    with zipfile.ZipFile(tmp_path / "model.keras", "w", method) as archive:
        for name, content in {**parts, "model.weights.h5": bytes(weights)}.items():
            archive.writestr(name, content)
    assert "has damaged weights" in refusal(tmp_path / "model.keras")


@pytest.mark.once
def test_a_lambda_layer_of_a_file_does_not_run(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "model.keras")
    assert "safe_mode" in refusal(tmp_path / "model.keras") or "Lambda" in refusal(tmp_path / "model.keras")
