"""Convert a MatConvNet network to a graph, inferring shapes on the way, since groups depend on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kerasbridge.importers.ir.builder import UNKNOWN, GraphBuilder
from kerasbridge.importers.ir.graph import Graph, Input
from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.ir.unsupported import Unsupported, check
from kerasbridge.importers.matconvnet.ops import OPERATIONS, REPLACED, Steps, is_loss, moments_of, str_option
from kerasbridge.importers.matconvnet.parser import Layer


@dataclass
class NetConverter:
    """A converter of layers, which are added in topological order.

    Args:
        input_shapes: the shapes of inputs by name, as far as the file gives them.
        unread: the values that no layer has read yet, which are the outputs of the net.
    """

    input_shapes: dict[str, Shape]
    builder: GraphBuilder = field(default_factory=lambda: GraphBuilder(node_name="{layer}_{label}_{step}"))
    unread: dict[str, None] = field(default_factory=dict)

    def add(self, layer: Layer) -> None:
        """Add a layer; one that cannot be converted has an output of unknown shape."""
        inputs = layer.inputs[:1] if layer.type in REPLACED else layer.inputs
        for value in inputs:
            self._read(value)
        output = layer.outputs[0] if layer.outputs else layer.name
        try:
            steps = self._steps(layer, inputs)
            self._report(layer)
            self.builder.add_chain(layer.name, layer.type, steps, inputs, (output,))
        except Unsupported as error:
            self.builder.report_unsupported(layer.name, layer.type, error)
            self.builder.shapes[output] = UNKNOWN
        self.unread[output] = None

    def skip(self, layer: Layer) -> None:
        """Leave out a loss or metric layer; its input is an output of the net unless another layer reads it."""
        loss = str_option(layer, "loss", "")
        prefix = f"{loss}: " if loss else ""
        suffix = "; the output is without the softmax that this loss begins with" if loss == "softmaxlog" else ""
        reason = f"{prefix}loss or metric layer, not needed for inference{suffix}"
        self.builder.report_skipped(layer.name, layer.type, reason)

    def graph(self) -> Graph:
        """Return the net; its outputs are the values that no layer reads, in the order of their layers."""
        return self.builder.build("", tuple(self.unread))

    def _read(self, value: str) -> None:
        if value not in self.builder.shapes:
            self.builder.add_input(Input(value, self.input_shapes.get(value, UNKNOWN)))
        self.unread.pop(value, None)

    def _steps(self, layer: Layer, inputs: Sequence[str]) -> Steps:
        if layer.type == "custom":
            raise Unsupported("is custom: what it computes is a MATLAB function, which is not in the file")
        check(layer.type in OPERATIONS, "is unknown")
        check(inputs and len(layer.outputs) == 1, f"has {len(inputs)} inputs and {len(layer.outputs)} outputs")
        return OPERATIONS[layer.type](layer, [self.builder.shapes[value] for value in inputs])

    def _report(self, layer: Layer) -> None:
        if layer.type in REPLACED:
            self.builder.report_substituted(layer.name, layer.type, f"{REPLACED[layer.type]}, without the loss")
        elif layer.type in ("bnorm", "dagnn.BatchNorm") and moments_of(layer) is None:
            substitute = "a mean of 0 and a variance of 1, as the file has no moments: train before use"
            self.builder.report_substituted(layer.name, layer.type, substitute)
        else:
            self.builder.report_converted(layer.name, layer.type)


def loss_layers(layers: Iterable[Layer]) -> list[Layer]:
    """Return the loss and metric layers whose outputs no layer reads."""
    layers = list(layers)
    read = {value for layer in layers for value in layer.inputs}
    return [layer for layer in layers if is_loss(layer.type) and not read & {*layer.outputs}]
