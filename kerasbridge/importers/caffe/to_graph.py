"""A net of Caffe's as a `Graph`: a blob that is written again becomes a value of its own, in the file's order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.caffe import inputs as data
from kerasbridge.importers.caffe.ops import (
    LOSSES,
    OPERATIONS,
    REPLACED,
    NotBrought,
    WithoutWeights,
    WrongWeights,
)
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.graph import Graph, Input, Node
from kerasbridge.importers.ir.ops import Operation
from kerasbridge.importers.ir.passes.infer_channels import infer_channels
from kerasbridge.importers.report import LayerReport


@dataclass
class NetConverter:
    """What grows while layers are added.

    Args:
        current: by the name of each blob the value that it holds now.
        unread: the blobs that no layer has read since they were written, which are the net's outputs.
        faults: what cannot be brought.
        bare: the layers whose weights are missing.
    """

    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    current: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    converted: list[LayerReport] = field(default_factory=list)
    substituted: list[LayerReport] = field(default_factory=list)
    skipped: list[LayerReport] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    values: set[str] = field(default_factory=set)

    def feed(self, entry: Input) -> None:
        """Add an input."""
        value = self._new(entry.name)
        self.inputs.append(replace(entry, name=value))
        self.current[entry.name] = value

    def add(self, layer: Layer) -> None:
        """Add a layer; one whose weights are missing passes its inputs on."""
        if data.is_data(layer):
            self._feed_from(layer)
        elif layer.type in LOSSES:
            self._drop(layer, "it judges the net and is no part of it")
        elif layer.type == "Silence":
            self._drop(layer, "its inputs are not wanted")
            self.unread -= {*layer.bottoms}
        elif layer.type == "Split":
            self._pass_on(layer)
        elif layer.type in OPERATIONS:
            self._bring(layer)
        else:
            self.faults.append(f"{layer} is unknown")
            self.current.update({blob: self._new(blob) for blob in layer.tops})

    def network(self, name: str) -> Graph:
        """The net, with the values that were never read as outputs, sorted by name, as Caffe has them."""
        outputs = tuple(self.current[blob] for blob in sorted(self.unread))
        return infer_channels(Graph(name, tuple(self.inputs), tuple(self.nodes), outputs)).pruned()

    def _feed_from(self, layer: Layer) -> None:
        if layer.type != "Input":
            self.skipped.append(LayerReport(layer.name, layer.type, "the model's inputs take the place of its blobs"))
        for entry in data.inputs_of(layer):
            self.feed(entry)

    def _drop(self, layer: Layer, why: str) -> None:
        self.skipped.append(LayerReport(layer.name, layer.type, why))
        self.unread -= {*layer.bottoms[2 if layer.type == "ContrastiveLoss" else 1 :]}

    def _pass_on(self, layer: Layer) -> None:
        """All blobs that a layer writes are the one that it reads."""
        (value,) = self._read(layer, layer.bottoms[:1])
        for blob in layer.tops:
            self.current[blob] = value
            self.unread.add(blob)
        self.substituted.append(LayerReport(layer.name, layer.type, "nothing: a value may be used more than once"))

    def _bring(self, layer: Layer) -> None:
        bottoms = layer.bottoms[:1] if layer.type in REPLACED else layer.bottoms
        inputs = self._read(layer, bottoms)
        self.unread -= {*layer.bottoms}
        self._note(layer)
        operations: list[Operation] = []
        try:
            operations = OPERATIONS[layer.type](layer)
        except NotBrought as reason:
            self.faults.append(f"{layer} has {reason}")
        except WrongWeights as wrong:
            self.faults.append(f"{layer} has wrong weights: {wrong}")
        except WithoutWeights:
            self.bare.append(str(layer))
        self._write(layer, operations, inputs)

    def _note(self, layer: Layer) -> None:
        if layer.type in REPLACED:
            self.substituted.append(LayerReport(layer.name, layer.type, f"{REPLACED[layer.type]}, without the loss"))
        elif (
            layer.type == "BatchNorm"
            and layer.options("batch_norm").use_global_stats is False
            and (layer.options("batch_norm").HasField("use_global_stats"))
        ):
            what = "the stored statistics, where the file takes those of the batch"
            self.substituted.append(LayerReport(layer.name, layer.type, what))
        else:
            self.converted.append(LayerReport(layer.name, layer.type))

    def _read(self, layer: Layer, blobs: Iterable[str]) -> list[str]:
        blobs = list(blobs)
        missing = [blob for blob in blobs if blob not in self.current]
        if missing or not blobs:
            read = ", ".join(map(repr, missing)) or "nothing"
            raise LegacyFileError(f"layer {layer} reads {read}, which no layer before it writes.")
        self.unread -= {*blobs}
        return [self.current[blob] for blob in blobs]

    def _write(self, layer: Layer, operations: Sequence[Operation], inputs: list[str]) -> None:
        """Add the operations one after the other; the last one's outputs are the layer's."""
        tops = layer.tops or (layer.name,)
        if not operations:
            inputs = inputs[:1] * len(tops)
        for place, operation in enumerate(operations, 1):
            last = place == len(operations)
            names = [self._new(top) for top in tops] if last else [self._new(f"{layer.name}_{place}")]
            name = layer.name if last else f"{layer.name}_{operation.label}"
            self.nodes.append(Node(name, layer.type, operation, tuple(inputs), tuple(names)))
            inputs = names
        for blob, value in zip(tops, inputs, strict=True):
            self.current[blob] = value
            self.unread.add(blob)

    def _new(self, wanted: str) -> str:
        """A name that no value has."""
        name, number = wanted, 1
        while name in self.values:
            name, number = f"{wanted}_{number}", number + 1
        self.values.add(name)
        return name
