"""Stock Keras, as the tests compare kerasbridge with it."""

import contextlib
import importlib

from kerasbridge.keras_compat import keras


@contextlib.contextmanager
def whole_gradients():
    """Patch stock Keras to sum the gradient of an embedding before TensorFlow optimizers square it.

    kerasbridge always sums it, as JAX and torch do.
    """
    if keras.config.backend() != "tensorflow":
        yield
        return
    tf = importlib.import_module("tensorflow")
    in_parts = tf.GradientTape.gradient

    def whole(part):
        return tf.convert_to_tensor(part) if isinstance(part, tf.IndexedSlices) else part

    def gradient(tape, loss, sources, **options):
        return tf.nest.map_structure(whole, in_parts(tape, loss, sources, **options))

    tf.GradientTape.gradient = gradient
    try:
        yield
    finally:
        tf.GradientTape.gradient = in_parts
