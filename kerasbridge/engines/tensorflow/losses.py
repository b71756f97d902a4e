"""Losses and metrics of Keras for TensorFlow, so that they answer as on the other backends."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from kerasbridge.engines.step import IGNORED_LABEL, Tensor
from kerasbridge.keras_compat.patches import patch_argmax, patch_nn_function


@contextlib.contextmanager
def corrected_losses() -> Iterator[None]:
    """Give ignored labels a loss of 0 in this thread, where TensorFlow raises or returns NaN; find NaN by argmax."""
    with patch_nn_function("sparse_categorical_crossentropy", _sparse_crossentropy), patch_argmax(_argmax):
        yield


def _sparse_crossentropy(original: Any, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    target = tf.convert_to_tensor(target)
    if target.dtype.is_unsigned or target.dtype == tf.bool:
        return original(target, output, from_logits, axis)
    ignored = tf.equal(target, tf.cast(IGNORED_LABEL, target.dtype))
    loss = original(tf.where(ignored, tf.zeros_like(target), target), output, from_logits, axis)
    return tf.where(tf.reshape(ignored, tf.shape(loss)), tf.zeros_like(loss), loss)


def _argmax(original: Any, x: Any, *arguments: Any, **keywords: Any) -> Tensor:
    """Return the index of a NaN, if there is one, as NumPy does; TensorFlow skips it."""
    x = tf.convert_to_tensor(x)
    if x.dtype.is_floating:
        x = tf.where(tf.math.is_nan(x), tf.cast(float("inf"), x.dtype), x)
    return original(x, *arguments, **keywords)
