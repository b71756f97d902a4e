"""Updates of Adam, AdamW and SGD in one operation of TensorFlow for each variable, instead of many of Keras.

Clipping, weight decay, averages and accumulation remain those of Keras, which calls these functions in between.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from kerasbridge.engines import fast_paths
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.optimizer_slots import adam_slots, patch_tensorflow_update, sgd_momentums

NAME = "fused-optimizer"
_DTYPES = (tf.float32, tf.float64)
Slots = Sequence[Sequence[Any]]


def fused_updates() -> contextlib.AbstractContextManager[None]:
    """Let Adam, AdamW and SGD of Keras update with fused operations, in this thread, where these apply."""
    return patch_tensorflow_update(_update)


def _update(original: Any, optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any], rate: Any) -> None:
    found = _update_of(optimizer, variables)
    values = [getattr(variable, "value", variable) for variable in variables]
    if found is None or not (_applies(gradients, values, *found[1]) and fast_paths.use(NAME)):
        original(optimizer, gradients, variables, rate)
        return
    update, slots = found
    update(optimizer, tf.cast(rate, values[0].dtype), gradients, values, slots)


def _update_of(optimizer: Any, variables: Sequence[Any]) -> tuple[Callable[..., None], Slots] | None:
    """Return the function for this optimizer, and its variables; None if its class has another `update_step`."""
    if tf.distribute.has_strategy():
        return None
    update_step = type(optimizer).update_step
    if update_step is keras.optimizers.Adam.update_step and not optimizer.amsgrad:  # XLA has no operation for that
        are_decays = all(0 <= beta < 1 for beta in (optimizer.beta_1, optimizer.beta_2))
        return (_adam, adam_slots(optimizer, variables)) if are_decays else None
    if update_step is keras.optimizers.SGD.update_step:
        momentums = sgd_momentums(optimizer, variables)
        return (_momentum, [momentums]) if momentums else (_sgd, [])
    return None


def _applies(gradients: Sequence[Tensor], values: Sequence[Any], *slots: Sequence[Any]) -> bool:
    """Return whether the operations compute what Keras does: they convert no dtype, and repeat no gradient."""
    dtype = values[0].dtype
    stored = [*values, *(slot for of_kind in slots for slot in of_kind)]
    return (
        dtype in _DTYPES
        and all(isinstance(each, tf.Variable) and each.dtype == dtype for each in stored)
        and all(isinstance(each, tf.Tensor) and each.dtype == dtype for each in gradients)
        and all(gradient.shape == value.shape for gradient, value in zip(gradients, values, strict=True))
    )


def _adam(optimizer: Any, rate: Tensor, gradients: Sequence[Tensor], values: Sequence[Any], slots: Slots) -> None:
    """Compute ``w -= rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)``."""
    first, second = (tf.constant(beta, rate.dtype) for beta in (optimizer.beta_1, optimizer.beta_2))
    count = tf.cast(optimizer.iterations + 1, tf.float64)
    step = tf.cast(count, rate.dtype)
    # TensorFlow takes 1 - beta_2 of the rounded beta_2, which makes v too small by a part in 80,000.
    betas = tf.cast(second, tf.float64), tf.constant(optimizer.beta_2, tf.float64)
    rounded, exact = (1 - tf.pow(beta, count) for beta in betas)
    constants = {
        "beta1_power": tf.pow(first, step),
        "beta2_power": tf.pow(second, step),
        "lr": rate * tf.cast(tf.sqrt(rounded / exact), rate.dtype),
        "beta1": first,
        "beta2": second,
        "epsilon": tf.constant(optimizer.epsilon, rate.dtype),
    }
    for gradient, value, m, v in zip(gradients, values, *slots, strict=True):
        tf.raw_ops.ResourceApplyAdam(var=value.handle, m=m.handle, v=v.handle, grad=gradient, **constants)


def _momentum(optimizer: Any, rate: Tensor, gradients: Sequence[Tensor], values: Sequence[Any], slots: Slots) -> None:
    """Compute ``b = momentum * b - rate * g`` and ``w += b``."""
    constants = {
        "lr": rate,
        "momentum": tf.constant(optimizer.momentum, rate.dtype),
        "use_nesterov": optimizer.nesterov,
    }
    for gradient, value, b in zip(gradients, values, *slots, strict=True):
        tf.raw_ops.ResourceApplyKerasMomentum(var=value.handle, accum=b.handle, grad=gradient, **constants)


def _sgd(_: Any, rate: Tensor, gradients: Sequence[Tensor], values: Sequence[Any], __: Slots) -> None:
    """Compute ``w -= rate * g``."""
    for gradient, value in zip(gradients, values, strict=True):
        tf.raw_ops.ResourceApplyGradientDescent(var=value.handle, alpha=rate, delta=gradient)
