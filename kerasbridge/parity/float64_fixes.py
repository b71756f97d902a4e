"""Models in float64, and optional corrections of three differences between the backends of Keras 3.15.

The differences are larger than rounding; `kerasbridge compare` and `kerasbridge diagnose` revealed them.

- On JAX and torch, wherever `keras.backend.result_type` decides, Keras promotes (float64, float64) to float32: torch
  multiplies matrices and divides losses in float32.
- On TensorFlow a Python number first becomes a float32 tensor: ``ops.cast(0.9, "float64")`` is 0.8999999761581421, and
  so are Adam's betas.
- The crossentropy clips probabilities to [1e-7, 1 - 1e-7]: on JAX and torch after they are normalised, on TensorFlow
  before. There a class of probability below 1e-7 adds up to 1e-7 to the loss.
"""

from typing import Any

import numpy as np

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import optimizer_variables
from kerasbridge.keras_compat.models import dtype_policies
from kerasbridge.keras_compat.patches import patch_backend_functions
from kerasbridge.keras_compat.private_api import private_api

ops = keras.ops


def set_dtype(dtype: str, correct_leaks: bool = False) -> None:
    """Build models in this dtype from now on, in this process.

    Args:
        dtype: "float32" or "float64"; the latter requires JAX_ENABLE_X64=1 on JAX.
        correct_leaks: correct the three differences until the process ends.
    """
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    if correct_leaks:
        private_api("narrowed dtypes")["float64"] = "float64"
        _keep_python_numbers_float64()
        _clip_normalized_probabilities()


def cast_model(model: Any, dtype: str) -> Any:
    """Return the model with every layer in this dtype, with its weights, its compilation and the optimizer's state.

    Args:
        model: a built model whose layers all have the same dtype policy.
        dtype: "float32" or "float64".

    Returns:
        A new model, or the same model if it already has this dtype.
    """
    if set(dtype_policies(model)) == {f'<DTypePolicy "{dtype}">'}:
        return model
    private_api("numbers in automatic names")()  # for the same names of layers whose names are not saved
    new = type(model).from_config(_cast_config(model.get_config(), dtype))
    new.set_weights(model.get_weights())
    if model.compiled:
        new.compile_from_config(_cast_config(model.get_compile_config(), dtype))
        _copy_optimizer_state(model, new)
    return new


def _copy_optimizer_state(model: Any, new: Any) -> None:
    """Set the variables of the new model's optimizer to those of the model's, such as momenta."""
    if not model.optimizer.built:
        return
    if not new.optimizer.built:
        new.optimizer.build(new.trainable_variables)
    pairs = zip(optimizer_variables(model.optimizer), optimizer_variables(new.optimizer), strict=True)
    for source, target in pairs:
        target.assign(keras.ops.cast(source.value, target.dtype))


def _cast_config(config: Any, dtype: str) -> Any:
    """Return the config with every dtype policy, and every floating-point dtype of an input, replaced."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": dtype}}
        return {key: dtype if _is_float(key, value) else _cast_config(value, dtype) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_cast_config(item, dtype) for item in config)
    return config


def _is_float(key: str, value: Any) -> bool:
    return key == "dtype" and isinstance(value, str) and value.startswith("float")


def _keep_python_numbers_float64() -> None:
    cast, convert = private_api("cast"), private_api("conversion to tensors")

    def float64_cast(x: Any, dtype: Any) -> Any:
        return cast(np.float64(x) if type(x) is float else x, dtype)

    def float64_convert(x: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        return convert(np.float64(x) if type(x) is float else x, dtype, *args, **kwargs)

    patch_backend_functions({cast: float64_cast, convert: float64_convert})


def _clip_normalized_probabilities() -> None:
    original = private_api("sparse crossentropy")

    def crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
        output, epsilon = ops.convert_to_tensor(output), keras.config.epsilon()
        if from_logits or axis % len(output.shape) != len(output.shape) - 1:
            return original(target, output, from_logits, axis)
        probabilities = output / ops.sum(output, -1, keepdims=True)
        logarithms = ops.log(ops.clip(probabilities, epsilon, 1.0 - epsilon))
        labels = ops.expand_dims(_squeeze_labels(target, output), -1)
        chosen = ops.equal(labels, ops.arange(output.shape[-1], dtype="int32"))
        return -ops.sum(ops.where(chosen, logarithms, ops.zeros_like(logarithms)), -1)

    patch_backend_functions({original: crossentropy})


def _squeeze_labels(target: Any, output: Any) -> Any:
    """Return the labels as int32, those of shape (samples, 1) as (samples,)."""
    target = ops.convert_to_tensor(target)
    has_extra_axis = len(target.shape) == len(output.shape) and target.shape[-1] == 1
    return ops.cast(ops.squeeze(target, -1) if has_extra_axis else target, "int32")
