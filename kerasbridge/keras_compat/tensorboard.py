"""The private parts of Keras's TensorBoard callback."""

from collections.abc import Callable
from functools import partial
from typing import Any

from kerasbridge.keras_compat.private_api import private_api


def set_summary_module(
    callback: Any, summary_module: Any, write_model: Callable[[Any, Callable[[], None]], None]
) -> None:
    """Make a TensorBoard callback write with another module than `tf.summary`.

    Args:
        callback: a `keras.callbacks.TensorBoard`.
        summary_module: used instead of `tf.summary`.
        write_model: called as ``write_model(callback, original)`` to write the model's graph, unless the callback's
            class overrides the method that does.
    """
    callback._summary_module = summary_module
    original = private_api("TensorBoard model graph")
    if type(callback)._write_keras_model_summary is original:
        callback._write_keras_model_summary = partial(write_model, callback, partial(original, callback))


def train_writer(callback: Any) -> Any:
    """Return a TensorBoard callback's writer for training events."""
    return callback._train_writer
