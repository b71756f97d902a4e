"""The cache of compiled steps, which is kept on a model."""

from types import SimpleNamespace

import pytest

from kerasbridge.engines import compile_cache


@pytest.mark.once
def test_the_entry_that_was_unused_for_longest_is_dropped(monkeypatch):
    monkeypatch.setattr(compile_cache, "MAX_ENTRIES", 2)
    model, made = SimpleNamespace(), []

    def get(key):
        return compile_cache.cached_on_model(model, "entries", key, lambda: made.append(key) or key)

    assert [get(key) for key in ("one", "two", "one", "three", "one", "two")] == [
        "one",
        "two",
        "one",
        "three",
        "one",
        "two",
    ]
    assert made == ["one", "two", "three", "two"]
