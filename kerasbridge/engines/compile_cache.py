"""Cache of compiled steps, stored on the model and invalidated when it changes."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from kerasbridge.engines.fast_paths import allowed
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.seed_generators import global_generator
from kerasbridge.keras_compat.structure import Structure
from kerasbridge.random import keras_patch

MAX_ENTRIES = 32
"""Entries per cache; the least recently used one is evicted first."""

_STRUCTURE = "_kerasbridge_structure"
T = TypeVar("T")


def cached_on_model(
    model: keras.Model, name: str, key: Any, create: Callable[[], T], is_valid: Callable[[T], bool] | None = None
) -> T:
    """Return the value cached under this key, or create it.

    Args:
        model: stores the cache in an attribute that Keras and torch do not track.
        name: name of that attribute, one per cache.
        key: identifies the value.
        create: creates the value.
        is_valid: returns whether a cached value is still valid; if not, it is created again.
    """
    if name not in model.__dict__:
        object.__setattr__(model, name, OrderedDict())
    cache: OrderedDict[Any, T] = model.__dict__[name]
    if key not in cache or (is_valid and not is_valid(cache[key])):
        cache[key] = create()
    cache.move_to_end(key)
    while len(cache) > MAX_ENTRIES:
        cache.popitem(last=False)
    return cache[key]


def model_fingerprint(model: keras.Model) -> tuple[Any, ...]:
    """Return the properties of the model that a compiled step depends on.

    `compile` creates new metric variables, and a layer that is added or enlarged creates new weights. Variables can be
    identified by their ids, since the compiled step keeps them alive.
    """
    if _STRUCTURE not in model.__dict__:
        object.__setattr__(model, _STRUCTURE, Structure(model))
    structure: Structure = model.__dict__[_STRUCTURE]
    options = (bool(model.run_eagerly), bool(model.jit_compile), keras_patch.is_random_portable(), allowed())
    return (*structure.read(), options, id(global_generator().state))
