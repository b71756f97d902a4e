"""Steps that call functions of another framework, on this backend: python foreign_functions.py prints the errors."""

import json

import kerasbridge as kb

kb.use_backend()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import torch  # noqa: E402


def a_function_of_torch(model, batch):
    """torch.mean."""
    return torch.mean(model(batch.x))


def a_function_of_jax(model, batch):
    """jax.numpy.mean."""
    return jnp.mean(model(batch.x))


def a_function_of_tensorflow(model, batch):
    """tf.reduce_mean."""
    return tf.reduce_mean(model(batch.x))


def a_module_in_a_helper(model, batch):
    """A layer of a framework that is not the backend."""
    return keras.ops.mean(activated(model(batch.x)))


def activated(x):
    """Call the wrong function."""
    return jax.nn.relu(x) if keras.config.backend() != "jax" else torch.relu(x)


STEPS = [a_function_of_torch, a_function_of_jax, a_function_of_tensorflow, a_module_in_a_helper]


def raised(step):
    """Return the type and text of the error that `fit` raises, or None."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd")
    try:
        kb.fit(model, np.ones((8, 3), "float32"), verbose=0, step=step)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


if __name__ == "__main__":
    print(json.dumps({step.__name__: raised(step) for step in STEPS}))
