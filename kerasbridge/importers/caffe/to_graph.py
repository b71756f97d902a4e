"""Convert the layers of a Caffe network to a graph, in file order; a rewritten blob becomes a new value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.caffe.inputs import inputs_of, is_data
from kerasbridge.importers.caffe.ops import LOSSES, OPERATIONS, REPLACED, MissingWeights
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.builder import GraphBuilder
from kerasbridge.importers.ir.graph import Graph, Input
from kerasbridge.importers.ir.ops import Operation
from kerasbridge.importers.ir.passes.infer_channels import infer_channels
from kerasbridge.importers.ir.unsupported import Unsupported


@dataclass
class NetConverter:
    """A converter of layers, which are added in the order of the file.

    Args:
        current: the current value of each blob, by name.
        unread: the blobs that no layer has read since they were written, which are the outputs of the net.
        without_weights: the layers whose weights are missing.
    """

    builder: GraphBuilder = field(default_factory=GraphBuilder)
    current: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    without_weights: list[str] = field(default_factory=list)

    def add_input(self, entry: Input) -> None:
        """Add an input of the net."""
        self.current[entry.name] = self.builder.add_input(entry)

    def add(self, layer: Layer) -> None:
        """Add a layer; one whose weights are missing passes its inputs on."""
        if is_data(layer):
            self._add_inputs_of(layer)
        elif layer.type in LOSSES:
            self._skip(layer, "loss or metric layer, not needed for inference")
        elif layer.type == "Silence":
            self._skip(layer, "its inputs are not used")
            self.unread -= {*layer.bottoms}
        elif layer.type == "Split":
            self._pass_on(layer)
        elif layer.type in OPERATIONS:
            self._convert(layer)
        else:
            self.builder.report_unsupported(layer.name, layer.type, Unsupported("is unknown"))
            self.current.update({blob: self.builder.fresh_value(blob) for blob in layer.tops})

    def graph(self, name: str) -> Graph:
        """Return the net; the blobs that no layer reads are its outputs, sorted by name as in Caffe."""
        outputs = [self.current[blob] for blob in sorted(self.unread)]
        return infer_channels(self.builder.build(name, outputs)).pruned()

    def _add_inputs_of(self, layer: Layer) -> None:
        if layer.type != "Input":
            self.builder.report_skipped(layer.name, layer.type, "the model's inputs replace its blobs")
        for entry in inputs_of(layer):
            self.add_input(entry)

    def _skip(self, layer: Layer, reason: str) -> None:
        self.builder.report_skipped(layer.name, layer.type, reason)
        self.unread -= {*layer.bottoms[2 if layer.type == "ContrastiveLoss" else 1 :]}

    def _pass_on(self, layer: Layer) -> None:
        """Make every blob that a layer writes an alias of the one that it reads."""
        (value,) = self._read(layer, layer.bottoms[:1])
        for blob in layer.tops:
            self.current[blob] = value
            self.unread.add(blob)
        self.builder.report_substituted(layer.name, layer.type, "nothing: a value may be used more than once")

    def _convert(self, layer: Layer) -> None:
        bottoms = layer.bottoms[:1] if layer.type in REPLACED else layer.bottoms
        inputs = self._read(layer, bottoms)
        self.unread -= {*layer.bottoms}
        self._report(layer)
        operations: list[Operation] = []
        try:
            operations = OPERATIONS[layer.type](layer)
        except Unsupported as error:
            self.builder.report_unsupported(layer.name, layer.type, error)
        except MissingWeights:
            self.without_weights.append(str(layer))
        self._write(layer, operations, inputs)

    def _report(self, layer: Layer) -> None:
        if layer.type in REPLACED:
            self.builder.report_substituted(layer.name, layer.type, f"{REPLACED[layer.type]}, without the loss")
        elif (
            layer.type == "BatchNorm"
            and layer.options("batch_norm").HasField("use_global_stats")
            and (layer.options("batch_norm").use_global_stats is False)
        ):
            substitute = "the stored statistics, where the file takes those of the batch"
            self.builder.report_substituted(layer.name, layer.type, substitute)
        else:
            self.builder.report_converted(layer.name, layer.type)

    def _read(self, layer: Layer, blobs: Iterable[str]) -> list[str]:
        blobs = list(blobs)
        missing = [blob for blob in blobs if blob not in self.current]
        if missing or not blobs:
            read = ", ".join(map(repr, missing)) or "nothing"
            raise LegacyFileError(f"layer {layer} reads {read}, which no layer before it writes.")
        self.unread -= {*blobs}
        return [self.current[blob] for blob in blobs]

    def _write(self, layer: Layer, operations: Sequence[Operation], inputs: Sequence[str]) -> None:
        """Add the operations; without any, the layer passes on its first input."""
        tops = layer.tops or (layer.name,)
        values = (inputs[0],) * len(tops)
        if operations:
            values = tuple(map(self.builder.fresh_value, tops))
            self.builder.add_chain(layer.name, layer.type, operations, inputs, values)
        self.current.update(zip(tops, values, strict=True))
        self.unread |= {*tops}
