"""A net of MatConvNet's as a `Graph`. Groups and some shapes follow from the images, so shapes grow along with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.graph import Graph, Input, Node
from kerasbridge.importers.ir.ops import Operation, Shape, ShapeError, UnknownDimension
from kerasbridge.importers.matconvnet.ops import (
    OPERATIONS,
    REPLACED,
    Again,
    NotBrought,
    Steps,
    judges,
    moments_of,
    word,
)
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.report import LayerReport

UNKNOWN: Shape = (None, None, None, None)


@dataclass
class NetConverter:
    """What grows while layers are added, in the order they are computed in.

    Args:
        sizes: the shapes of inputs, by their names, as far as the file says them.
        shapes: those of all values, as far as they are known.
        unread: the values that no layer has taken since they were given, which are the net's outputs.
        faults: what cannot be brought.
    """

    sizes: dict[str, Shape]
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)
    converted: list[LayerReport] = field(default_factory=list)
    substituted: list[LayerReport] = field(default_factory=list)
    skipped: list[LayerReport] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        """Add a layer; one that cannot be brought gives values of which nothing is known."""
        inputs = layer.inputs[:1] if layer.type in REPLACED else layer.inputs
        for value in inputs:
            self._take(value)
        steps = self._steps(layer, inputs)
        if steps:
            self._note(layer)
        value, shape = self._chain(layer, steps, inputs)
        self.shapes[layer.outputs[0] if layer.outputs else layer.name] = shape
        self.unread[value] = None

    def drop(self, layer: Layer) -> None:
        """Leave out a layer that judges the net; what it judged is an output where nothing else takes it."""
        loss = word(layer, "loss", "")
        which = f"{loss}: " if loss else ""
        what = "it judges the net and is no part of it"
        before = "; a softmax begins it, which the output is without" if loss == "softmaxlog" else ""
        self.skipped.append(LayerReport(layer.name, layer.type, f"{which}{what}{before}"))

    def network(self) -> Graph:
        """The net; its outputs are the values that no layer takes, in the order they are given in."""
        return Graph("", tuple(self.inputs), tuple(self.nodes), tuple(self.unread))

    def _take(self, value: str) -> None:
        if value not in self.shapes:
            self.shapes[value] = self.sizes.get(value, UNKNOWN)
            self.inputs.append(Input(value, self.shapes[value]))
        self.unread.pop(value, None)

    def _steps(self, layer: Layer, inputs: Sequence[str]) -> Steps:
        try:
            if layer.type not in OPERATIONS:
                raise NotBrought(_unknown(layer))
            if not inputs or len(layer.outputs) != 1:
                raise NotBrought(f"has {len(inputs)} inputs and {len(layer.outputs)} outputs")
            return OPERATIONS[layer.type](layer, [self.shapes[value] for value in inputs])
        except NotBrought as reason:
            self.faults.append(f"{layer} {reason}")
            return []

    def _note(self, layer: Layer) -> None:
        if layer.type in REPLACED:
            self.substituted.append(LayerReport(layer.name, layer.type, f"{REPLACED[layer.type]}, without the loss"))
        elif layer.type in ("bnorm", "dagnn.BatchNorm") and moments_of(layer) is None:
            what = "a mean of 0 and a variance of 1, for the file has no moments: outputs are right after a training"
            self.substituted.append(LayerReport(layer.name, layer.type, what))
        else:
            self.converted.append(LayerReport(layer.name, layer.type))

    def _chain(self, layer: Layer, steps: Steps, inputs: Sequence[str]) -> tuple[str, Shape]:
        """Add the operations one after the other; the last one's value is the layer's."""
        value, taken, shape = layer.outputs[0] if layer.outputs else layer.name, tuple(inputs), UNKNOWN
        for place, step in enumerate(steps, 1):
            again = isinstance(step, Again)
            operation = step.operation if isinstance(step, Again) else step
            taken = (*taken, *inputs[:1]) if again else taken
            last = place == len(steps)
            name = layer.name if last else f"{layer.name}_{operation.label}_{place}"
            output = value if last else self._new(f"{layer.name}_{place}")
            self.nodes.append(Node(name, layer.type, operation, taken, (output,)))
            shape = self.shapes[output] = _shape(operation, [self.shapes[one] for one in taken])
            taken = (output,)
        return value, shape

    def _new(self, wanted: str) -> str:
        """A name that no value has."""
        while wanted in self.shapes:
            wanted += "x"
        return wanted


def _unknown(layer: Layer) -> str:
    if layer.type == "custom":
        return "is custom: what it computes stands in a function of MATLAB's, and not in the file"
    return "is unknown"


def _shape(operation: Operation, shapes: Sequence[Shape]) -> Shape:
    """What an operation gives, where that can be known; what does not fit is found when the whole net is there."""
    try:
        return operation.shapes(*shapes)[0]
    except (ShapeError, UnknownDimension, TypeError, IndexError, ValueError):
        return UNKNOWN


def judging(layers: Iterable[Layer]) -> list[Layer]:
    """The layers that judge the net: they look like losses, and no layer takes what they give."""
    layers = list(layers)
    read = {value for layer in layers for value in layer.inputs}
    return [layer for layer in layers if judges(layer.type) and not read & {*layer.outputs}]


def refuse(graph: NetConverter) -> None:
    """One error with all that cannot be brought."""
    if graph.faults:
        raise LegacyFileError("cannot be brought: " + "; ".join(graph.faults) + ".")
    if not graph.nodes:
        raise LegacyFileError("no layer computes an output.")
