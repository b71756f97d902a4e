"""TensorFlow functions that became layers of a functional model.

Their further arguments are stored with the call, so that layer and call are converted together.
"""

from collections.abc import Mapping
from typing import Any

from kerasbridge.importers.keras_files.arguments import convert_activation
from kerasbridge.importers.keras_files.ir import Part, Ref
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

OPERATOR_CLASSES = ("TFOpLambda",)
_BINARY = {
    "math.add": "Add",
    "__operators__.add": "Add",
    "math.subtract": "Subtract",
    "__operators__.sub": "Subtract",
    "math.multiply": "Multiply",
    "__operators__.mul": "Multiply",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.truediv": "Divide",
    "__operators__.truediv": "Divide",
    "math.divide": "Divide",
}
"""Functions of two tensors, and the merge layer for each; Divide is supported for numbers only."""

_ACTIVATIONS = {
    "nn.relu": "relu", "nn.relu6": "relu6", "nn.sigmoid": "sigmoid", "math.sigmoid": "sigmoid", "nn.tanh": "tanh",
    "math.tanh": "tanh", "nn.elu": "elu", "nn.selu": "selu", "nn.softplus": "softplus", "math.softplus": "softplus",
    "nn.silu": "silu", "nn.swish": "silu", "nn.softmax": "softmax", "math.exp": "exponential", "identity": "linear",
}  # fmt: skip


def convert_operator(
    function: str, inputs: tuple[Ref, ...], options: Mapping[str, Any]
) -> tuple[Part, tuple[Ref, ...]]:
    """Return the Keras layer for a TensorFlow function, and the tensors it takes.

    Args:
        function: its name without "tf.".
        inputs: the tensors among its positional arguments.
        options: its keyword arguments.

    Raises:
        UnsupportedLayer: no Keras layer computes the function.
    """
    arguments = {name: value for name, value in options.items() if value is not None and name != "name"}
    if function in _ACTIVATIONS and not arguments and len(inputs) == 1:
        return Part("Activation", {"activation": convert_activation(_ACTIVATIONS[function])}), inputs
    if function in _BINARY and {*arguments} <= {"y"}:
        return _convert_binary(function, inputs, arguments.get("y"))
    raise UnsupportedLayer(f"calls the TensorFlow function tf.{function}, which is not supported")


def _convert_binary(function: str, inputs: tuple[Ref, ...], other: Any) -> tuple[Part, tuple[Ref, ...]]:
    tensors = (*inputs, other) if isinstance(other, Ref) else inputs
    kind = _BINARY[function]
    if len(tensors) == 2 and kind != "Divide":
        return Part(kind), tensors
    if len(tensors) == 1 and isinstance(other, int | float) and kind not in ("Maximum", "Minimum"):
        return Part("Rescaling", _rescaling_options(kind, float(other))), tensors
    raise UnsupportedLayer(f"calls the TensorFlow function tf.{function} with arguments that are not supported")


def _rescaling_options(kind: str, number: float) -> dict[str, float]:
    if kind in ("Add", "Subtract"):
        return {"scale": 1.0, "offset": number if kind == "Add" else -number}
    return {"scale": number if kind == "Multiply" else 1 / number, "offset": 0.0}
