"""float64 throughout, and the same formulas: what Keras 3.15 does otherwise on one backend, corrected where asked.

Three differences are known that are no rounding; `kerasbridge compare` and `kerasbridge diagnose` found them.

- Keras promotes (float64, float64) to float32 on JAX and torch, where `keras.backend.result_type` decides: torch
  multiplies matrices and divides losses in float32.
- A Python number becomes a float32 tensor first on TensorFlow: ``ops.cast(0.9, "float64")`` is 0.8999999761581421,
  and so are Adam's betas.
- The crossentropy of probabilities clips them to [1e-7, 1 - 1e-7] after they are normalised on JAX and torch, before
  on TensorFlow: a class of probability below 1e-7 adds up to 1e-7 to the loss there.
"""

from typing import Any

import numpy as np

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import dtype_policies
from kerasbridge.keras_compat.patches import patch_backend_functions
from kerasbridge.keras_compat.private_api import private_api

ops = keras.ops


def set_dtype(dtype: str, correct_leaks: bool = False) -> None:
    """Build models in this dtype from now on, in this process.

    Args:
        dtype: "float32" or "float64"; the latter needs JAX_ENABLE_X64=1 on JAX.
        correct_leaks: correct the three differences, until the process ends.
    """
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    if correct_leaks:
        _keep_wide_in_promotion()
        _keep_python_numbers_wide()
        _clip_normalised_probabilities()


def cast_model(model: Any, dtype: str) -> Any:
    """The model with every layer in this dtype, its weights and its compilation taken over.

    Args:
        model: a built model whose layers all have the same dtype policy but for the dtype asked for.
        dtype: "float32" or "float64".

    Returns:
        A new model, or the same where it already is in this dtype.
    """
    if set(dtype_policies(model)) == {f'<DTypePolicy "{dtype}">'}:
        return model
    new = type(model).from_config(_retyped(model.get_config(), dtype))
    new.set_weights(model.get_weights())
    if model.compiled:
        new.compile_from_config(_retyped(model.get_compile_config(), dtype))
    return new


def _retyped(config: Any, dtype: str) -> Any:
    """The configuration with every dtype policy, and every floating dtype of an input, replaced."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": dtype}}
        return {key: dtype if _is_float(key, value) else _retyped(value, dtype) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_retyped(item, dtype) for item in config)
    return config


def _is_float(key: str, value: Any) -> bool:
    return key == "dtype" and isinstance(value, str) and value.startswith("float")


def _keep_wide_in_promotion() -> None:
    private_api("narrowed dtypes")["float64"] = "float64"


def _keep_python_numbers_wide() -> None:
    cast, convert = private_api("cast"), private_api("conversion to tensors")

    def wide_cast(x: Any, dtype: Any) -> Any:
        return cast(np.float64(x) if type(x) is float else x, dtype)

    def wide_convert(x: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        return convert(np.float64(x) if type(x) is float else x, dtype, *args, **kwargs)

    patch_backend_functions({cast: wide_cast, convert: wide_convert})


def _clip_normalised_probabilities() -> None:
    original = private_api("sparse crossentropy")

    def crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
        output, epsilon = ops.convert_to_tensor(output), keras.config.epsilon()
        if from_logits or axis % len(output.shape) != len(output.shape) - 1:
            return original(target, output, from_logits, axis)
        probabilities = output / ops.sum(output, -1, keepdims=True)
        logarithms = ops.log(ops.clip(probabilities, epsilon, 1.0 - epsilon))
        labels = ops.expand_dims(_without_last(target, output), -1)
        chosen = ops.equal(labels, ops.arange(output.shape[-1], dtype="int32"))
        return -ops.sum(ops.where(chosen, logarithms, ops.zeros_like(logarithms)), -1)

    patch_backend_functions({original: crossentropy})


def _without_last(target: Any, output: Any) -> Any:
    """Labels of shape (samples, 1) count as (samples,)."""
    target = ops.convert_to_tensor(target)
    extra = len(target.shape) == len(output.shape) and target.shape[-1] == 1
    return ops.cast(ops.squeeze(target, -1) if extra else target, "int32")
