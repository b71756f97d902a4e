"""The variables that Keras optimizers keep for each weight, and the updates that use them on torch and TensorFlow."""

from collections.abc import Callable, Sequence
from typing import Any

from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.patches import Patch
from kerasbridge.keras_compat.private_api import private_api


def patch_torch_update(name: str, update: Callable[..., None]) -> Patch:
    """Replace the update of an optimizer by ``update(original, optimizer, gradients, variables, rate)``.

    It is called after clipping and weight decay. `name` is "Adam", which includes AdamW, or "SGD".
    """
    return patched(private_api(f"{name} on torch"), "_parallel_update_step", update)


def patch_tensorflow_update(update: Callable[..., None]) -> Patch:
    """Replace the update of every optimizer by ``update(original, optimizer, gradients, variables, rate)``.

    It is called after clipping and weight decay.
    """
    return patched(private_api("optimizers on TensorFlow"), "_backend_update_step", update)


def adam_slots(optimizer: Any, variables: Sequence[Any]) -> list[list[Any]]:
    """Return the momentums and velocities of the variables, and with AMSGrad the largest velocities."""
    kinds = [optimizer._momentums, optimizer._velocities, *([optimizer._velocity_hats] if optimizer.amsgrad else [])]
    return [_values(kind, optimizer, variables) for kind in kinds]


def sgd_momentums(optimizer: Any, variables: Sequence[Any]) -> list[Any]:
    """Return the momentums of the variables; none without momentum."""
    return _values(optimizer.momentums, optimizer, variables) if optimizer.momentum else []


def _values(slots: Sequence[Any], optimizer: Any, variables: Sequence[Any]) -> list[Any]:
    return [slots[optimizer._get_variable_index(variable)].value for variable in variables]
