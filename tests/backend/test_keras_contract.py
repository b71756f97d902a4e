"""What kerasbridge relies on in Keras is there; what is not gets one sentence that names it."""

import pytest

from kerasbridge import _keras, draws
from kerasbridge._keras import keras
from kerasbridge.errors import KerasContractError


@pytest.mark.parametrize("what", _keras.RELIED_ON)
def test_this_keras_has(what):
    assert _keras.relied_on(what) is not None


@pytest.mark.parametrize("name", _keras.PORTABLE_FUNCTIONS)
def test_the_backend_has_the_random_function_that_is_replaced(name):
    assert callable(getattr(_keras.relied_on("random functions"), name))
    assert callable(getattr(draws, name))


def test_keras_random_draws_from_kerasbridge_while_portable():
    with _keras.portable_random():
        drawn = keras.ops.convert_to_numpy(keras.random.uniform((5,), seed=7))
        inside = keras.ops.convert_to_numpy(draws.uniform((5,), seed=7))
    assert (drawn == inside).all()
    assert (keras.ops.convert_to_numpy(keras.random.uniform((5,), seed=7)) != inside).any()


@pytest.mark.parametrize("place", ["keras.src.backend:no_such_part", "keras.src.no_such_module:part"])
def test_a_missing_part_is_named(monkeypatch, place):
    monkeypatch.setitem(_keras.RELIED_ON, "draw_seed", place)
    with pytest.raises(KerasContractError) as caught:
        _keras.relied_on("draw_seed")
    assert str(caught.value) == (
        f"kerasbridge relies on {place.replace(':', '.')} (draw_seed), which Keras {keras.__version__} does not have; "
        "use a tested version, as keras 3.15."
    )


def test_tensorflow_is_hidden_from_keras_only_off_tensorflow(backend):
    assert _keras.relied_on("lazy modules").available == (backend == "tensorflow")
