"""A compiled model can be trained further on every backend that loads it."""

import json
import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import saving
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


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_other_files_get_keras_own_error(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        saving.load_model(tmp_path / "model.keras")
