"""Arguments of layers that are names or small configurations: activations, initialisers, regularisers, constraints."""

from collections.abc import Mapping
from typing import Any

from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

HARD_SIGMOID = "hard_sigmoid of old"
"""clip(0.2x + 0.5, 0, 1) of Keras 1 and 2. Keras 3's is clip(x / 6 + 0.5, 0, 1)."""

_ACTIVATIONS = {
    name: name
    for name in (
        "elu",
        "exponential",
        "gelu",
        "leaky_relu",
        "linear",
        "log_softmax",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "softmax",
        "softplus",
        "softsign",
        "tanh",
    )
} | {"hard_sigmoid": HARD_SIGMOID, "swish": "silu", "silu": "silu"}

_INITIALIZERS = {
    "Zeros": (), "Ones": (), "Constant": ("value",), "Identity": ("gain",), "Orthogonal": ("gain",),
    "RandomNormal": ("mean", "stddev"), "TruncatedNormal": ("mean", "stddev"), "RandomUniform": ("minval", "maxval"),
    "VarianceScaling": ("scale", "mode", "distribution"), "GlorotUniform": (), "GlorotNormal": (), "HeUniform": (),
    "HeNormal": (), "LecunUniform": (), "LecunNormal": (),
}  # fmt: skip
_OLD_INITIALIZERS = {
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


def activation(said: Any) -> str:
    """The name of an activation in Keras 3, from its name or its configuration as a layer."""
    if isinstance(said, Mapping):
        said = said.get("config", {}).get("name") or said.get("class_name")
    if said is None:
        return "linear"
    if said not in _ACTIVATIONS:
        raise UnsupportedLayer(f"has the activation {said!r}, which is not Keras's own")
    return _ACTIVATIONS[said]


def initializer(said: Any) -> Any:
    """The initialiser in Keras 3, None for one that is not Keras's own: the weights are in the file."""
    if isinstance(said, str):
        return _OLD_INITIALIZERS.get(said)
    if not isinstance(said, Mapping) or said.get("class_name") not in _INITIALIZERS:
        return None
    kept = {name: said["config"][name] for name in _INITIALIZERS[said["class_name"]] if name in said["config"]}
    return {"class_name": said["class_name"], "config": kept}


def regularizer(said: Any) -> Any:
    """An L1L2 in Keras 3; None for none."""
    if not said:
        return None
    config = said.get("config", said)
    kind = said.get("class_name") or said.get("name")
    if kind == "EigenvalueRegularizer" or not {"l1", "l2"} & {*config}:
        raise UnsupportedLayer(f"has the regularizer {kind!r}, which Keras 3 has not")
    return {"class_name": "L1L2", "config": {name: float(config.get(name) or 0.0) for name in ("l1", "l2")}}


def constraint(said: Any) -> Any:
    """A constraint in Keras 3; None for none."""
    if not said:
        return None
    kind, config = said.get("class_name") or said.get("name"), dict(said.get("config", said))
    if "m" in config:
        config["max_value"] = config["m"]
    if "low" in config:
        config |= {"min_value": config["low"], "max_value": config["high"]}
    if kind not in _CONSTRAINTS:
        raise UnsupportedLayer(f"has the constraint {kind!r}, which Keras 3 has not")
    return {"class_name": kind, "config": {name: config[name] for name in _CONSTRAINTS[kind] if name in config}}


def dtype(said: Any) -> str | None:
    """The policy of a layer's numbers, None for the usual one."""
    if isinstance(said, Mapping):
        said = said.get("config", {}).get("name")
    return None if said in (None, "float32") else str(said)
