"""Import MatConvNet models: .mat files of version 5 or 7.3 with a SimpleNN or DagNN network and its weights."""

from collections.abc import Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.builder import GraphBuilder
from kerasbridge.importers.ir.graph import Graph
from kerasbridge.importers.ir.passes.infer_channels import infer_channels
from kerasbridge.importers.matconvnet import meta, parser, reader
from kerasbridge.importers.matconvnet.parser import Net
from kerasbridge.importers.matconvnet.to_graph import NetConverter, loss_layers
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile

DESCRIPTION = "a .mat file"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether a file is a MATLAB file."""
    return reader.matches(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a .mat file."""
    if len(files) != 1:
        raise LegacyFileError(f"Expected one .mat file, received {', '.join(str(file.path) for file in files)}.")
    (file,) = files
    variables = reader.variables(file)
    try:
        return _convert(parser.parse_net(variables), file)
    except LegacyFileError as error:
        raise LegacyFileError(f"{file.path}: {error}") from error


def _convert(net: Net, file: SourceFile) -> ParsedModel:
    skipped = loss_layers(net.layers)
    layers = [layer for layer in net.layers if layer not in skipped]
    written = {value for layer in net.layers for value in layer.outputs}
    inputs = dict.fromkeys(value for layer in layers for value in layer.inputs if value not in written)
    converter = NetConverter(meta.sizes(net.meta, [*inputs]))
    for layer in layers:
        converter.add(layer)
    for layer in skipped:
        converter.skip(layer)
    graph = _with_channels_of_weights(converter.graph())
    return ParsedModel(_report(net, file, converter.builder, graph), graph)


def _with_channels_of_weights(graph: Graph) -> Graph:
    """Return the graph with the input channels that its weights require, or those of `meta` if no weights do."""
    unknown = tuple(replace(entry, shape=(None, None, *entry.shape[2:])) for entry in graph.inputs)
    inferred = infer_channels(replace(graph, inputs=unknown))
    pairs = zip(graph.inputs, inferred.inputs, strict=True)
    return replace(graph, inputs=tuple(meta_ if new.shape[1] is None else new for meta_, new in pairs))


def _report(net: Net, file: SourceFile, builder: GraphBuilder, graph: Graph) -> Report:
    first = graph.inputs[0]
    preprocessing = meta.preprocessing(net.meta, first.name, first.shape[1])
    return Report(
        "matconvnet",
        (file.name,),
        graph.name,
        tuple((entry.name, entry.shape) for entry in graph.inputs),
        graph.outputs,
        tuple(builder.converted),
        tuple(builder.substituted),
        tuple(builder.skipped),
        (preprocessing,) if preprocessing else (),
        tuple(meta.notes(net.meta)),
    )
