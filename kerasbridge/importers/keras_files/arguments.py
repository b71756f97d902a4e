"""Convert arguments of layers that are serialized objects: activations, initializers, regularizers, constraints."""

from collections.abc import Mapping
from typing import Any

from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

HARD_SIGMOID = "hard_sigmoid of Keras 2"
"""The hard_sigmoid of Keras 1 and 2: clip(0.2 * x + 0.5, 0, 1). In Keras 3 it is clip(x / 6 + 0.5, 0, 1)."""

_ACTIVATIONS = {
    "elu": "elu", "exponential": "exponential", "gelu": "gelu", "hard_sigmoid": HARD_SIGMOID,
    "leaky_relu": "leaky_relu", "linear": "linear", "log_softmax": "log_softmax", "mish": "mish", "relu": "relu",
    "relu6": "relu6", "selu": "selu", "sigmoid": "sigmoid", "silu": "silu", "softmax": "softmax",
    "softplus": "softplus", "softsign": "softsign", "swish": "silu", "tanh": "tanh",
}  # fmt: skip
_INITIALIZERS = {
    "Zeros": (), "Ones": (), "Constant": ("value",), "Identity": ("gain",), "Orthogonal": ("gain",),
    "RandomNormal": ("mean", "stddev"), "TruncatedNormal": ("mean", "stddev"), "RandomUniform": ("minval", "maxval"),
    "VarianceScaling": ("scale", "mode", "distribution"), "GlorotUniform": (), "GlorotNormal": (), "HeUniform": (),
    "HeNormal": (), "LecunUniform": (), "LecunNormal": (),
}  # fmt: skip
_KERAS1_INITIALIZERS = {
    "uniform": {"class_name": "RandomUniform", "config": {"minval": -0.05, "maxval": 0.05}},
    "normal": {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.05}},
    "zero": "zeros", "one": "ones", "identity": "identity", "orthogonal": "orthogonal",
    "lecun_uniform": "lecun_uniform", "glorot_normal": "glorot_normal", "glorot_uniform": "glorot_uniform",
    "he_normal": "he_normal", "he_uniform": "he_uniform",
}  # fmt: skip
_CONSTRAINTS = {
    "MaxNorm": ("max_value", "axis"),
    "NonNeg": (),
    "UnitNorm": ("axis",),
    "MinMaxNorm": ("min_value", "max_value", "rate", "axis"),
}


def convert_activation(activation: Any) -> str:
    """Return the Keras 3 name of an activation, from its name or its configuration as a layer."""
    if isinstance(activation, Mapping):
        activation = activation.get("config", {}).get("name") or activation.get("class_name")
    if activation is None:
        return "linear"
    if activation not in _ACTIVATIONS:
        raise UnsupportedLayer(f"has the activation {activation!r}, which is not built into Keras")
    return _ACTIVATIONS[activation]


def convert_initializer(initializer: Any) -> Any:
    """Return the initializer for Keras 3; None for a custom one, because the file contains the weights."""
    if isinstance(initializer, str):
        return _KERAS1_INITIALIZERS.get(initializer)
    if not isinstance(initializer, Mapping) or initializer.get("class_name") not in _INITIALIZERS:
        return None
    return _select(initializer["class_name"], initializer["config"], _INITIALIZERS)


def convert_regularizer(regularizer: Any) -> Any:
    """Return the regularizer as L1L2 of Keras 3; None for none."""
    if not regularizer:
        return None
    kind, config = _class_and_config(regularizer)
    if kind == "EigenvalueRegularizer" or not {"l1", "l2"} & {*config}:
        raise UnsupportedLayer(f"has the regularizer {kind!r}, which Keras 3 does not have")
    return {"class_name": "L1L2", "config": {name: float(config.get(name) or 0.0) for name in ("l1", "l2")}}


def convert_constraint(constraint: Any) -> Any:
    """Return the constraint for Keras 3; None for none."""
    if not constraint:
        return None
    kind, config = _class_and_config(constraint)
    if "m" in config:
        config["max_value"] = config["m"]
    if "low" in config:
        config |= {"min_value": config["low"], "max_value": config["high"]}
    if kind not in _CONSTRAINTS:
        raise UnsupportedLayer(f"has the constraint {kind!r}, which Keras 3 does not have")
    return _select(kind, config, _CONSTRAINTS)


def convert_dtype(dtype: Any) -> str | None:
    """Return the dtype policy of a layer; None for float32."""
    if isinstance(dtype, Mapping):
        dtype = dtype.get("config", {}).get("name")
    return None if dtype in (None, "float32") else str(dtype)


def _class_and_config(value: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return class and configuration, which Keras 1 stores in one dict, with the class as `name`."""
    return value.get("class_name") or value.get("name"), dict(value.get("config", value))


def _select(kind: str, config: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {"class_name": kind, "config": {name: config[name] for name in names[kind] if name in config}}
