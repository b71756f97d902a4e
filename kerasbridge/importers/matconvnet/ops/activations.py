"""Activation functions."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, number
from kerasbridge.importers.matconvnet.parser import Layer


@converts("relu", "dagnn.ReLU")
def relu(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert relu; `leak` is the slope for negative inputs."""
    return [Activation("relu", number(layer, "leak", 0))]


@converts("sigmoid", "dagnn.Sigmoid")
def sigmoid(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert sigmoid."""
    return [Activation("sigmoid")]
