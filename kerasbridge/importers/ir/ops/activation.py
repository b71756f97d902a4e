"""Activation functions without weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Elementwise, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext

Function = Literal[
    "absolute",
    "elu",
    "erf",
    "exponential",
    "gelu",
    "log_sigmoid",
    "logarithm",
    "relu",
    "selu",
    "sigmoid",
    "softplus",
    "softsign",
    "swish",
    "tanh",
    "tanh_shrink",
]
_NONNEGATIVE = {"absolute", "exponential", "sigmoid", "softplus"}


@dataclass(frozen=True)
class Activation(Elementwise):
    """An elementwise activation function.

    Args:
        slope: the slope of "relu" for negative inputs; the factor of ``exp(x) - 1`` for "elu".
    """

    function: Function
    slope: float = 0.0

    def nonnegative(self, *inputs: bool) -> bool:
        return self.function in _NONNEGATIVE or (self.function == "relu" and self.slope == 0)


@builds(Activation)
def build(operation: Activation, context: "LayerContext", tensor: Any) -> Any:
    """Build `ReLU`, `LeakyReLU`, `ELU`, a kerasbridge layer, or `Activation` with the function's name."""
    stock, own = context.keras.layers, context.layers
    match operation.function:
        case "relu" if operation.slope:
            return context.layer(stock.LeakyReLU, tensor, negative_slope=operation.slope)
        case "relu":
            return context.layer(stock.ReLU, tensor)
        case "elu":
            return context.layer(stock.ELU, tensor, alpha=operation.slope)
        case "absolute":
            return context.layer(own.Absolute, tensor)
        case "erf":
            return context.layer(own.Erf, tensor)
        case "logarithm":
            return context.layer(own.Logarithm, tensor)
    name = "silu" if operation.function == "swish" else operation.function
    return context.layer(stock.Activation, tensor, activation=name)
