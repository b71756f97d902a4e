"""Losses of Keras for TensorFlow, so that they answer as on the other backends."""

import contextlib
from typing import Any

import tensorflow as tf

from kerasbridge.engines.step import IGNORED_LABEL, Tensor
from kerasbridge.keras_compat.patches import patch_nn_function


def corrected_losses() -> contextlib.AbstractContextManager[Any]:
    """Give ignored labels a loss of 0 in this thread; TensorFlow raises or returns NaN."""
    return patch_nn_function("sparse_categorical_crossentropy", _sparse_crossentropy)


def _sparse_crossentropy(original: Any, target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    target = tf.convert_to_tensor(target)
    if target.dtype.is_unsigned or target.dtype == tf.bool:
        return original(target, output, from_logits, axis)
    ignored = tf.equal(target, tf.cast(IGNORED_LABEL, target.dtype))
    loss = original(tf.where(ignored, tf.zeros_like(target), target), output, from_logits, axis)
    return tf.where(tf.reshape(ignored, tf.shape(loss)), tf.zeros_like(loss), loss)
