"""The public names of the package are those that the design lists."""

import importlib

import pytest

import kerasbridge as kb

PUBLIC = {
    "Objective", "__version__", "as_keras_fit", "backends", "bench", "compare", "datasets", "diagnose", "distributed",
    "errors", "evaluate", "export", "fit", "grad", "import_model", "import_weights", "inspect_import", "inspect_legacy",
    "load_legacy", "models", "predict", "reinitialize", "runs",
    "seed_everything", "use_backend", "value_and_grad",
}  # fmt: skip
NEEDS_KERAS = {
    "Objective", "as_keras_fit", "evaluate", "fit", "grad", "models", "predict", "reinitialize", "seed_everything",
    "value_and_grad",
}  # fmt: skip
PROMISED = {  # of DESIGN.md, without future ones
    "benchmark",
}


def test_all_lists_the_public_names():
    assert set(kb.__all__) == PUBLIC
    assert not PUBLIC & PROMISED


def test_dir_lists_the_public_names_only():
    kb.errors  # noqa: B018, an imported name
    assert set(dir(kb)) == PUBLIC
    for module in kb.runs, kb.datasets:
        assert set(dir(module)) == {name for name in module.__all__ if getattr(module, name)}
    assert dir(kb.runs) == ["Config", "Run", "list", "load"]


@pytest.mark.parametrize("name", sorted(PUBLIC - NEEDS_KERAS))
def test_a_name_that_needs_no_keras_is_there(name):
    assert getattr(kb, name) is not None


def test_the_table_of_lazy_names_refers_to_existing_modules():
    places = [place.partition(":")[0] for place in kb._PUBLIC.values()]
    assert all(importlib.util.find_spec(place) for place in places)


@pytest.mark.parametrize("name", ["fti", "keras", "_hidden"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"^module 'kerasbridge' has no attribute '{name}'$"):
        getattr(kb, name)
