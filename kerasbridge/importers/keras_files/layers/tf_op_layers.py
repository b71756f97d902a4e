"""Functions of TensorFlow that became layers of a functional model: those that a layer of Keras 3 says.

The call holds their further arguments, so they are translated together with it.
"""

from collections.abc import Mapping
from typing import Any

from kerasbridge.importers.keras_files.arguments import activation
from kerasbridge.importers.keras_files.ir import Part, Ref
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

OPERATOR_CLASSES = ("TFOpLambda",)
_OF_TWO = {
    "math.add": "Add",
    "__operators__.add": "Add",
    "math.subtract": "Subtract",
    "__operators__.sub": "Subtract",
    "math.multiply": "Multiply",
    "__operators__.mul": "Multiply",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
}
_OF_ONE = {
    "nn.relu": "relu", "nn.relu6": "relu6", "nn.sigmoid": "sigmoid", "math.sigmoid": "sigmoid", "nn.tanh": "tanh",
    "math.tanh": "tanh", "nn.elu": "elu", "nn.selu": "selu", "nn.softplus": "softplus", "math.softplus": "softplus",
    "nn.silu": "silu", "nn.swish": "silu", "nn.softmax": "softmax", "math.exp": "exponential", "identity": "linear",
}  # fmt: skip


def convert_operator(
    function: str, inputs: tuple[Ref, ...], options: Mapping[str, Any]
) -> tuple[Part, tuple[Ref, ...]]:
    """The layer that a function is, and the tensors it takes.

    Args:
        function: its name in TensorFlow, without "tf.".
        inputs: the tensors among its arguments by place.
        options: its arguments by name.
    """
    said = {name: value for name, value in options.items() if value is not None and name != "name"}
    if function in _OF_ONE and not said and len(inputs) == 1:
        return Part("Activation", {"activation": activation(_OF_ONE[function])}), inputs
    if {*said} <= {"y"} and (
        function in _OF_TWO or function in ("math.truediv", "__operators__.truediv", "math.divide")
    ):
        return _of_two(function, inputs, said.get("y"))
    raise UnsupportedLayer(f"is the function tf.{function} of TensorFlow, which is not brought")


def _of_two(function: str, inputs: tuple[Ref, ...], other: Any) -> tuple[Part, tuple[Ref, ...]]:
    tensors = (*inputs, other) if isinstance(other, Ref) else inputs
    kind = _OF_TWO.get(function)
    if len(tensors) == 2 and kind:
        return Part(kind), tensors
    if len(tensors) == 1 and isinstance(other, int | float) and kind not in ("Maximum", "Minimum"):
        return Part("Rescaling", _rescaled(kind, float(other))), tensors
    raise UnsupportedLayer(f"is the function tf.{function} of TensorFlow with arguments that are not brought")


def _rescaled(kind: str | None, number: float) -> dict[str, float]:
    """Scale and offset; for a kind that is None, a division."""
    if kind in ("Add", "Subtract"):
        return {"scale": 1.0, "offset": number if kind == "Add" else -number}
    return {"scale": number if kind == "Multiply" else 1 / number, "offset": 0.0}
