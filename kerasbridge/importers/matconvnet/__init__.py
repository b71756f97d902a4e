"""MatConvNet: a .mat file of version 5 or 7.3 that holds a SimpleNN or a DagNN, with its weights."""

from collections.abc import Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.graph import Graph
from kerasbridge.importers.ir.passes.infer_channels import infer_channels
from kerasbridge.importers.matconvnet import meta, parser, reader
from kerasbridge.importers.matconvnet.parser import Net
from kerasbridge.importers.matconvnet.to_graph import NetConverter, judging, refuse
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile

DESCRIPTION = "a .mat file"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether a file is one of MATLAB's."""
    return reader.matches(file)


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the one file."""
    if len(files) != 1:
        raise LegacyFileError(f"Expected one .mat file, received {', '.join(str(file.path) for file in files)}.")
    (file,) = files
    held = reader.variables(file)
    try:
        return _reading(parser.found(held), file)
    except LegacyFileError as error:
        raise LegacyFileError(f"{file.path}: {error}") from error


def _reading(net: Net, file: SourceFile) -> ParsedModel:
    left_out = judging(net.layers)
    layers = [layer for layer in net.layers if layer not in left_out]
    written = {value for layer in net.layers for value in layer.outputs}
    fed = dict.fromkeys(value for layer in layers for value in layer.inputs if value not in written)
    graph = NetConverter(meta.sizes(net.meta, [*fed]))
    for layer in layers:
        graph.add(layer)
    for layer in left_out:
        graph.drop(layer)
    refuse(graph)
    network = _settled(graph.network())
    return ParsedModel(_report(net, file, graph, network), network)


def _settled(said: Graph) -> Graph:
    """The network with the channels that its weights take, whatever `meta` says; where they are silent, it holds."""
    unsaid = (replace(entry, shape=(None, None, *entry.shape[2:])) for entry in said.inputs)
    taken = infer_channels(replace(said, inputs=tuple(unsaid)))
    both = zip(said.inputs, taken.inputs, strict=True)
    return replace(said, inputs=tuple(entry if known.shape[1] is None else known for entry, known in both))


def _report(net: Net, file: SourceFile, graph: NetConverter, network: Graph) -> Report:
    first = network.inputs[0]
    said = meta.preprocessing(net.meta, first.name, first.shape[1])
    return Report(
        "matconvnet",
        (file.name,),
        network.name,
        tuple((entry.name, entry.shape) for entry in network.inputs),
        network.outputs,
        tuple(graph.converted),
        tuple(graph.substituted),
        tuple(graph.skipped),
        (said,) if said else (),
        tuple(meta.notes(net.meta)),
    )
