"""The private parts of Keras that kerasbridge uses exist; a missing one raises an error that names it."""

import importlib
import inspect
import pkgutil
import sys

import pytest

from kerasbridge.errors import KerasContractError
from kerasbridge.keras_compat import keras, structure
from kerasbridge.keras_compat.private_api import PRIVATE_API, private_api
from kerasbridge.keras_compat.tensorboard import set_summary_module
from kerasbridge.random import distributions, keras_patch
from kerasbridge.random.keras_patch import PORTABLE_FUNCTIONS

OF_TRAINING = {"trainer", "tensorboard", "distribution_lib", "export", "optimizer_distribution_strategy"}


@pytest.mark.parametrize("name", PRIVATE_API)
def test_this_keras_has(name):
    for framework in ("tensorflow", "torch"):
        if PRIVATE_API[name].startswith(f"keras.src.backend.{framework}"):
            pytest.importorskip(framework)
    assert private_api(name) is not None


def test_layers_metrics_and_optimizers_have_the_lists_that_are_watched():
    layer, metric = keras.layers.Dense(1), keras.metrics.Mean()
    assert all(isinstance(getattr(layer, name), list) for name in structure.LISTS)
    assert all(isinstance(getattr(metric, name), list) for name in structure.LISTS_OF_METRIC)
    assert isinstance(keras.optimizers.SGD()._variables, list)
    assert {"_value", "_layout"} <= set(dir(keras.Variable(0.0))) or keras.config.backend() != "jax"


@pytest.mark.parametrize("name", PORTABLE_FUNCTIONS)
def test_the_backend_has_the_random_function_that_is_replaced(name):
    assert callable(getattr(private_api("random functions"), name))
    assert callable(getattr(distributions, name))


def test_every_function_of_keras_random_is_replaced():
    public = {name for name, value in vars(keras.random).items() if inspect.isfunction(value)}
    assert public == set(PORTABLE_FUNCTIONS)


def test_nothing_else_in_the_backend_draws(backend):
    package = importlib.import_module(f"keras.src.backend.{backend}")
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.endswith("_test")]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names if name not in OF_TRAINING]
    found = {
        (module.__name__.rpartition(".")[2], name)
        for module in modules
        for name in keras_patch.random_functions(module)
    }
    assert found == {("image", "elastic_transform"), *(("random", name) for name in PORTABLE_FUNCTIONS)}


def later_function(shape, seed=None):
    return "drawn natively"


@pytest.mark.parametrize("where", ["random functions", "image functions"])
def test_a_random_function_of_a_later_keras_is_rejected_while_portable(monkeypatch, where):
    module = private_api(where)
    monkeypatch.setattr(later_function, "__module__", module.__name__)
    monkeypatch.setattr(module, "poisson", later_function, raising=False)
    monkeypatch.setattr(keras_patch, "random_functions", keras_patch.random_functions.__wrapped__)
    with (
        keras_patch.portable_random(),
        pytest.raises(KerasContractError, match=rf"received {module.__name__}\.poisson of"),
    ):
        module.poisson((3,), seed=1)
    assert module.poisson((3,), seed=1) == "drawn natively"


@pytest.mark.parametrize(
    ("where", "name"),
    [("random functions", "beta"), ("seeds of augmentation layers", "_get_seed_generator"), ("AugMix", "py_random")],
)
def test_a_function_that_a_later_keras_lacks_is_named_and_nothing_is_replaced(monkeypatch, where, name):
    monkeypatch.delattr(private_api(where), name)
    native = private_api("random functions").uniform
    with pytest.raises(KerasContractError, match=rf"\.{name}, which Keras"), keras_patch.portable_random():
        pass
    assert private_api("random functions").uniform is native
    assert not keras_patch.is_random_portable()


def test_everything_that_is_patched_is_restored():
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in keras_patch.patch_table()]
    with keras_patch.portable_random():
        assert all(getattr(owner, name) is not value for owner, name, value in before)
    assert all(getattr(owner, name) is value for owner, name, value in before)


def test_keras_random_draws_from_kerasbridge_while_portable():
    with keras_patch.portable_random():
        drawn = keras.ops.convert_to_numpy(keras.random.uniform((5,), seed=7))
        inside = keras.ops.convert_to_numpy(distributions.uniform((5,), seed=7))
    assert (drawn == inside).all()
    assert (keras.ops.convert_to_numpy(keras.random.uniform((5,), seed=7)) != inside).any()


@pytest.mark.parametrize("place", ["keras.src.backend:no_such_part", "keras.src.no_such_module:part"])
def test_a_missing_part_is_named(monkeypatch, place):
    monkeypatch.setitem(PRIVATE_API, "draw_seed", place)
    with pytest.raises(KerasContractError) as caught:
        private_api("draw_seed")
    assert str(caught.value) == (
        f"kerasbridge relies on {place.replace(':', '.')} (draw_seed), which Keras {keras.__version__} does not have; "
        "use a tested version, as keras 3.15."
    )


def test_keras_finds_tensorflow_only_once_it_is_imported():
    assert private_api("lazy modules").available == ("tensorflow" in sys.modules)


def test_a_tensorboard_callback_writes_with_the_given_summaries():
    callback, summaries = keras.callbacks.TensorBoard("logs"), object()
    assert callback._summary_module is None
    set_summary_module(callback, summaries, lambda *_: None)
    assert callback.summary is summaries
