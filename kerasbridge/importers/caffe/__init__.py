"""Caffe: a .prototxt that describes a net, a .caffemodel that holds its weights, or the latter alone, which holds both.

Versions 1 and 2 of its messages are read. Weights belong to layers by name, as in Caffe.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.caffe import inputs, parser
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.caffe.phase_filter import for_testing
from kerasbridge.importers.caffe.to_graph import NetConverter
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.graph import Graph
from kerasbridge.importers.ir.passes.fuse_batch_norm import fuse
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile

DESCRIPTION = "a .prototxt and its .caffemodel"
KERNELS_MAY_BE_FLIPPED = False


@dataclass(frozen=True)
class _Net:
    """One file: what it says, its layers, and what in it is strange."""

    file: SourceFile
    message: Any
    layers: list[Layer]
    strange: str


def matches(file: SourceFile) -> bool:
    """Return whether a file looks like one of Caffe's two kinds."""
    return parser.is_text(file) or parser.is_binary(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a description, weights, or both."""
    from kerasbridge.importers.caffe import schema as schema  # says what to type where protobuf is missing

    described, weighed = _sorted(files)
    net = _parsed(described) if described else _parsed(weighed)
    weights = _parsed(weighed) if described and weighed else net
    try:
        return _reading(net, weights, files, alone=not described)
    except LegacyFileError as error:
        raise LegacyFileError(f"{net.file.path}: {error}") from error


def _sorted(files: Sequence[SourceFile]) -> tuple[SourceFile | None, SourceFile | None]:
    """The description and the weights among the files."""
    texts = [file for file in files if parser.is_text(file)]
    others = [file for file in files if not parser.is_text(file)]
    if len(texts) > 1 or len(others) > 1:
        named = ", ".join(str(file.path) for file in files)
        raise LegacyFileError(f"Expected one .prototxt and one .caffemodel, received {named}.")
    return next(iter(texts), None), next(iter(others), None)


def _parsed(file: SourceFile | None) -> _Net:
    assert file is not None
    message, strange = parser.parse(file)
    layers = parser.layers(message, file)
    if not layers:
        raise LegacyFileError(f"{file.path} has no layers: it is no net of Caffe's.")
    return _Net(file, message, layers, strange)


def _reading(net: _Net, weights: _Net, files: Sequence[SourceFile], alone: bool) -> ParsedModel:
    """A file of weights was written in training and holds the layers of that phase: they are taken as they are."""
    held = {layer.name: layer.blobs for layer in weights.layers if layer.blobs}
    layers = net.layers if alone else _in_use(net)
    graph = NetConverter()
    for entry in inputs.inputs_of_net(net.message):
        graph.feed(entry)
    for layer in layers:
        graph.add(replace(layer, blobs=held.get(layer.name, ())))
    _refuse(graph, alone or weights is not net)
    if not graph.unread:
        raise LegacyFileError("no layer computes an output.")
    network, gone = fuse(graph.network(parser.text(net.message.name)))
    report = _report(net, weights, files, graph, network, gone)
    if not graph.bare:
        return ParsedModel(report, network)
    path = net.file.path
    return ParsedModel(
        report, None, f"The weights are missing: expected a .caffemodel beside {path}, received it alone."
    )


def _in_use(net: _Net) -> list[Layer]:
    """The layers of the phase TEST, and data layers of another phase for what would lack otherwise."""
    layers = for_testing(net.layers, net.message.state)
    lacking, feeding = _lacking(layers, map(parser.text, net.message.input)), []
    for layer in net.layers:
        if inputs.is_data(layer) and lacking & {*layer.tops}:
            feeding.append(layer)
            lacking -= {*layer.tops}
    return feeding + layers


def _lacking(layers: Iterable[Layer], given: Iterable[str]) -> set[str]:
    """The blobs that are read before they are written."""
    written, lacking = {*given}, set()
    for layer in layers:
        lacking |= {*layer.bottoms} - written
        written |= {*layer.tops}
    return lacking


def _refuse(graph: NetConverter, weighed: bool) -> None:
    """One error with all that cannot be brought; weights may be missing where no file was given that has any."""
    if graph.faults:
        raise LegacyFileError("cannot be brought: " + "; ".join(graph.faults) + ".")
    if graph.bare and weighed:
        raise LegacyFileError(f"the weights of {', '.join(graph.bare)} are missing in the file of weights.")


def _report(
    net: _Net, weights: _Net, files: Sequence[SourceFile], graph: NetConverter, network: Graph, gone: dict[str, str]
) -> Report:
    both = {layer.name: layer for layer in (*weights.layers, *net.layers) if inputs.is_data(layer)}
    merged = [LayerReport(name, "Scale", f"part of {into}") for name, into in gone.items()]
    return Report(
        "caffe",
        tuple(file.name for file in files),
        network.name,
        tuple((entry.name, entry.shape) for entry in network.inputs),
        network.outputs,
        tuple(entry for entry in graph.converted if entry.layer not in gone),
        (*graph.substituted, *merged),
        tuple(graph.skipped),
        tuple(found for layer in both.values() if (found := inputs.preprocessing(layer))),
        tuple(_notes(net, weights)),
    )


def _notes(net: _Net, weights: _Net) -> list[str]:
    named = {layer.name for layer in net.layers}
    unused = [str(layer) for layer in weights.layers if layer.blobs and layer.name not in named]
    notes = [f"{net.file.name}: {net.strange}"] if net.strange else []
    return notes + ([f"weights of layers that the net has not: {', '.join(unused)}"] if unused else [])
