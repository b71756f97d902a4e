"""Lua Torch7: a file of torch.save, bytes or text, with a network of nn, cudnn, inn or nngraph, or a table with one.

Such a file does not contain the input shape of the network. It is inferred from the first modules, the last input that
the file stores, and the sizes that fit; if that is not possible, the user has to pass it.
"""

from collections.abc import Callable, Iterator, Sequence

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.input_shapes import input_shape_hint
from kerasbridge.importers.ir.graph import Graph, Input
from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.unsupported import raise_unsupported
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.torch7 import parser
from kerasbridge.importers.torch7.containers import CONTAINERS
from kerasbridge.importers.torch7.image_size import with_image_size
from kerasbridge.importers.torch7.infer_inputs import InputShape, infer_input
from kerasbridge.importers.torch7.last_input import last_input
from kerasbridge.importers.torch7.locate_network import locate_network
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops import IDENTITIES, OPERATIONS
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value

DESCRIPTION = "a .t7 or .net of torch.save"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether a file begins like a Torch7 file, with a table or an object."""
    return parser.is_text(file) or parser.is_binary(file)


def read(
    files: Sequence[SourceFile], flip_kernels: bool | None = None
) -> Callable[[Sequence[Shape] | None], ParsedModel]:
    """Read the one file; the model depends on the input shapes."""
    if len(files) != 1:
        raise LegacyFileError(f"Expected one file, received {', '.join(str(file.path) for file in files)}.")
    (file,) = files
    try:
        network, where = locate_network(parser.load(file))
    except LegacyFileError as error:
        raise LegacyFileError(f"{file.path} {error}") from error
    notes = [f"the network is the {where} of the file"] if where else []

    def convert(shapes: Sequence[Shape] | None) -> ParsedModel:
        try:
            return _convert(file, network, notes, shapes)
        except LegacyFileError as error:
            raise LegacyFileError(f"{file.path}: {error}") from error

    return convert


def _convert(
    file: SourceFile, network: Module, notes: Sequence[str], input_shapes: Sequence[Shape] | None
) -> ParsedModel:
    """Convert the network for the input shapes that the user passed, or else for those that can be inferred."""
    shape: InputShape = infer_input(network)
    if input_shapes is not None:
        shape = input_shapes[0] if len(input_shapes) == 1 else list(input_shapes)
    elif not isinstance(shape, list) and (_is_unknown(shape) or None not in shape[1:]):
        shape = last_input(network, shape) or shape
    if _is_unknown(shape):
        return _without_graph(file, network, notes)
    converter, outputs = _convert_module(network, shape)
    graph = converter.graph(outputs)
    if input_shapes is None:
        graph, note = with_image_size(graph, last_input(network, shape))
        notes = [*notes, note] if note else notes
    return ParsedModel(_report(file, converter, graph, notes), graph)


def _is_unknown(shape: InputShape) -> bool:
    """Return whether the input shape is unknown, other than the size of images."""
    if isinstance(shape, list):
        return not shape or any(map(_is_unknown, shape))
    return shape is None or (len(shape) == 4 and shape[1] is None)


def _convert_module(network: Module, shape: InputShape) -> tuple[ModuleConverter, Value]:
    """Convert a network that takes batches, or, if a module would merge or split these, one that takes samples."""
    first: LegacyFileError | None = None
    for batched in (True, False):
        converter = ModuleConverter(batched=batched, containers=CONTAINERS)
        try:
            outputs = converter.convert(network, _add_inputs(converter, shape))
            raise_unsupported(converter.unsupported)
            if not converter.nodes:
                raise LegacyFileError("the network has no module that computes something.")
            return converter, outputs
        except LegacyFileError as error:
            first = first or error
        if not converter.meets_batch:
            break
    assert first is not None
    raise first


def _add_inputs(converter: ModuleConverter, shape: InputShape, name: str = "input") -> Value:
    if not isinstance(shape, list):
        return converter.add_input(Input(name, shape))
    return [_add_inputs(converter, one, f"{name}_{place}") for place, one in enumerate(shape, 1)]


def _without_graph(file: SourceFile, network: Module, notes: Sequence[str]) -> ParsedModel:
    """Return a model without a graph, because its input shape is unknown; raise first if modules are unknown."""
    known = {*CONTAINERS, *OPERATIONS, *IDENTITIES}
    unknown = [
        f"{module.place!r} ({module.type}) is unknown" for module in _modules(network) if module.kind not in known
    ]
    if unknown:
        raise LegacyFileError("cannot be converted: " + "; ".join(dict.fromkeys(unknown)) + ".")
    report = Report("torch7", (file.name,), "", (), (), (), notes=tuple(notes))
    return ParsedModel(
        report, None, f"{file.name}: the file does not contain the input shape of the network. {input_shape_hint()}"
    )


def _modules(network: Module) -> Iterator[Module]:
    """Yield a module and those in it, each once."""
    stack, visited = [network], {network.object}
    while stack:
        module = stack.pop()
        yield module
        parts = [part for part in module.parts() if part.object not in visited]
        visited |= {part.object for part in parts}
        stack += reversed(parts)


def _report(file: SourceFile, converter: ModuleConverter, graph: Graph, notes: Sequence[str]) -> Report:
    single = () if converter.batched else ("the network takes single samples: its dimension 1 is not the batch",)
    return Report(
        "torch7",
        (file.name,),
        "",
        tuple((entry.name, entry.shape) for entry in graph.inputs),
        graph.outputs,
        tuple(converter.converted),
        skipped=tuple(converter.skipped),
        notes=(*notes, *single),
    )
