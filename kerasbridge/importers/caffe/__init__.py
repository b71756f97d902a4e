"""Import Caffe models: a .prototxt with the architecture and a .caffemodel with the weights, or a .caffemodel alone.

Versions 1 and 2 of the messages are supported. As in Caffe, weights are matched to layers by name.
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
    """A parsed file: its NetParameter, its layers, and a note on fields that are unknown to Caffe."""

    file: SourceFile
    message: Any
    layers: list[Layer]
    note: str


def matches(file: SourceFile) -> bool:
    """Return whether a file looks like one of the two kinds of Caffe files."""
    return parser.is_text(file) or parser.is_binary(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a .prototxt, a .caffemodel, or both."""
    from kerasbridge.importers.caffe import schema as schema  # names the extra to install if protobuf is missing

    description, weights_file = _sort(files)
    net = _parse(description or weights_file)
    weights = _parse(weights_file) if description and weights_file else net
    try:
        return _convert(net, weights, files, weights_alone=description is None)
    except LegacyFileError as error:
        raise LegacyFileError(f"{net.file.path}: {error}") from error


def _sort(files: Sequence[SourceFile]) -> tuple[SourceFile | None, SourceFile | None]:
    """Return the .prototxt and the .caffemodel among the files, None for a missing one."""
    texts = [file for file in files if parser.is_text(file)]
    others = [file for file in files if not parser.is_text(file)]
    if len(texts) > 1 or len(others) > 1:
        paths = ", ".join(str(file.path) for file in files)
        raise LegacyFileError(f"Expected one .prototxt and one .caffemodel, received {paths}.")
    return next(iter(texts), None), next(iter(others), None)


def _parse(file: SourceFile | None) -> _Net:
    assert file is not None
    message, note = parser.parse(file)
    layers = parser.layers(message, file)
    if not layers:
        raise LegacyFileError(f"{file.path} has no layers: it is not a Caffe net.")
    return _Net(file, message, layers, note)


def _convert(net: _Net, weights: _Net, files: Sequence[SourceFile], weights_alone: bool) -> ParsedModel:
    blobs = {layer.name: layer.blobs for layer in weights.layers if layer.blobs}
    converter = NetConverter()
    for entry in inputs.inputs_of_net(net.message):
        converter.add_input(entry)
    # a .caffemodel has the layers of the training phase: keep them all
    for layer in net.layers if weights_alone else _layers_for_testing(net):
        converter.add(replace(layer, blobs=blobs.get(layer.name, ())))
    graph, fused = fuse(converter.graph(parser.text(net.message.name)))
    report = _report(net, weights, files, converter, graph, fused)
    if not converter.without_weights:
        return ParsedModel(report, graph)
    if weights_alone or weights is not net:
        missing = ", ".join(converter.without_weights)
        raise LegacyFileError(f"the weights of {missing} are missing in the file of weights.")
    missing_file = f"The weights are missing: pass the .caffemodel together with {net.file.path}."
    return ParsedModel(report, None, missing_file)


def _layers_for_testing(net: _Net) -> list[Layer]:
    """Return the layers of the TEST phase, and the data layers of other phases whose blobs they need."""
    layers = for_testing(net.layers, net.message.state)
    missing, data = _missing_blobs(layers, map(parser.text, net.message.input)), []
    for layer in net.layers:
        if inputs.is_data(layer) and missing & {*layer.tops}:
            data.append(layer)
            missing -= {*layer.tops}
    return data + layers


def _missing_blobs(layers: Iterable[Layer], inputs: Iterable[str]) -> set[str]:
    """Return the blobs that are read before they are written."""
    written, missing = {*inputs}, set()
    for layer in layers:
        missing |= {*layer.bottoms} - written
        written |= {*layer.tops}
    return missing


def _report(
    net: _Net,
    weights: _Net,
    files: Sequence[SourceFile],
    converter: NetConverter,
    graph: Graph,
    fused: dict[str, str],
) -> Report:
    data_layers = {layer.name: layer for layer in (*weights.layers, *net.layers) if inputs.is_data(layer)}
    builder = converter.builder
    return Report(
        "caffe",
        tuple(file.name for file in files),
        graph.name,
        tuple((entry.name, entry.shape) for entry in graph.inputs),
        graph.outputs,
        tuple(entry for entry in builder.converted if entry.layer not in fused),
        (*builder.substituted, *(LayerReport(name, "Scale", f"part of {into}") for name, into in fused.items())),
        tuple(builder.skipped),
        tuple(step for layer in data_layers.values() if (step := inputs.preprocessing(layer))),
        tuple(_notes(net, weights)),
    )


def _notes(net: _Net, weights: _Net) -> list[str]:
    names = {layer.name for layer in net.layers}
    unused = [str(layer) for layer in weights.layers if layer.blobs and layer.name not in names]
    notes = [f"{net.file.name}: {net.note}"] if net.note else []
    return notes + ([f"weights of layers that are not in the net: {', '.join(unused)}"] if unused else [])
