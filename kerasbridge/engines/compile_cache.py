"""What is made once for a model and found again, as long as the model is what it was."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import dtype_policies
from kerasbridge.random import keras_patch

MAX_ENTRIES = 32
"""Of each kind that a model keeps; the longest unused goes first."""

T = TypeVar("T")


def cached_on_model(
    model: keras.Model, name: str, key: Any, make: Callable[[], T], good: Callable[[T], bool] | None = None
) -> T:
    """What was made under this key, or is made now.

    Args:
        model: keeps it, past Keras's and torch's tracking of attributes.
        name: the attribute that holds all of one kind.
        key: what it depends on.
        make: makes it.
        good: whether what was found still holds; otherwise it is made anew.
    """
    if name not in model.__dict__:
        object.__setattr__(model, name, OrderedDict())
    found: OrderedDict[Any, T] = model.__dict__[name]
    if key not in found or (good and not good(found[key])):
        found[key] = make()
    found.move_to_end(key)
    while len(found) > MAX_ENTRIES:
        found.popitem(last=False)
    return found[key]


def model_fingerprint(model: keras.Model) -> tuple[Any, ...]:
    """What makes a compiled step stale when it changes.

    `compile` creates new metric variables, layers that are added or enlarged new weights: their identities stand
    for both, since the compiled step keeps them alive.
    """
    optimizer = model.optimizer.variables if getattr(model, "optimizer", None) is not None else []
    variables = (*model.variables, *optimizer, *model.metrics_variables)
    trainable = tuple(id(variable) for variable in model.trainable_variables)
    policies = dtype_policies(model)
    options = (bool(model.run_eagerly), bool(model.jit_compile), keras_patch.is_random_portable())
    return (tuple(map(id, variables)), trainable, policies, options)
