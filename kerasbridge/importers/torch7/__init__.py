"""Lua Torch7: a file of torch.save, bytes or text, with a network of nn, cudnn, inn or nngraph, or a table with one.

Such a file does not contain the input shape of the network. It is inferred from the first modules, the last input that
the file stores, and the sizes that fit; if that is not possible, the user has to pass it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.input_shapes import input_shape_hint
from kerasbridge.importers.ir.graph import Graph, Input, compatible_sizes, fits, with_dynamic_images
from kerasbridge.importers.ir.ops import Shape, UnknownDimension
from kerasbridge.importers.ir.unsupported import raise_unsupported
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.torch7 import parser
from kerasbridge.importers.torch7.containers import CONTAINERS
from kerasbridge.importers.torch7.infer_inputs import InputShape, infer_input, last_input
from kerasbridge.importers.torch7.locate_network import locate_network
from kerasbridge.importers.torch7.ops import OPERATIONS, PASSED, Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value

DESCRIPTION = "a .t7 or .net of torch.save"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether a file begins as Torch7 begins one, with a table or an object."""
    return parser.is_text(file) or parser.is_binary(file)


def read(
    files: Sequence[SourceFile], flip_kernels: bool | None = None
) -> Callable[[Sequence[Shape] | None], ParsedModel]:
    """Read the one file; what it gives depends on what the network is fed with."""
    if len(files) != 1:
        raise LegacyFileError(f"Expected one file, received {', '.join(str(file.path) for file in files)}.")
    (file,) = files
    try:
        root, where = locate_network(parser.load(file))
    except LegacyFileError as error:
        raise LegacyFileError(f"{file.path} {error}") from error

    def reading_of(shapes: Sequence[Shape] | None) -> ParsedModel:
        try:
            return _reading(file, root, where, shapes)
        except LegacyFileError as error:
            raise LegacyFileError(f"{file.path}: {error}") from error

    return reading_of


def _reading(file: SourceFile, root: Module, where: str, said: Sequence[Shape] | None) -> ParsedModel:
    notes = [f"the network is the {where} of the file"] if where else []
    fed: InputShape = infer_input(root)
    if said is not None:
        fed = said[0] if len(said) == 1 else list(said)
    elif not isinstance(fed, list) and (_is_open(fed) or None not in fed[1:]):
        fed = last_input(root, fed) or fed
    if _is_open(fed):
        return _unfed(file, root, notes)
    graph, outputs = _graph(root, fed)
    network = graph.graph(outputs)
    if said is None:
        network, note = _with_size(network, last_input(root, fed))
        notes += [note] if note else []
    return ParsedModel(_report(file, graph, network, notes), network)


def _is_open(fed: InputShape) -> bool:
    """Return whether it is not known what the network takes, but for the size of images."""
    if isinstance(fed, list):
        return not fed or any(map(_is_open, fed))
    return fed is None or (len(fed) == 4 and fed[1] is None)


def _graph(root: Module, fed: InputShape) -> tuple[ModuleConverter, Value]:
    """Convert a network that takes batches, or, if a module would merge or split these, one that takes samples."""
    first: LegacyFileError | None = None
    for batched in (True, False):
        graph = ModuleConverter(batched=batched, containers=CONTAINERS)
        try:
            outputs = graph.convert(root, _feed(graph, fed))
            _check(graph)
            return graph, outputs
        except LegacyFileError as error:
            first = first or error
        if not graph.meets_batch:
            break
    assert first is not None
    raise first


def _feed(graph: ModuleConverter, fed: InputShape, name: str = "input") -> Value:
    if not isinstance(fed, list):
        return graph.add_input(Input(name, fed))
    return [_feed(graph, one, f"{name}_{place}") for place, one in enumerate(fed, 1)]


def _check(graph: ModuleConverter) -> None:
    """Raise one error for all modules that are not supported, or if there is nothing to compute."""
    raise_unsupported(graph.unsupported)
    if not graph.nodes:
        raise LegacyFileError("the network has no module that computes something.")


def _with_size(network: Graph, found: Shape | None) -> tuple[Graph, str]:
    """The network with the size of its images, where a module has to know it, and a word on where it is from."""
    try:
        with_dynamic_images(network)
        return network, ""
    except UnknownDimension:
        pass
    if len(network.inputs) != 1 or len(network.inputs[0].shape) != 4:
        return network, ""
    if found is not None and len(found) == 4:
        fed = _fed_with(network, found)
        if fits(fed):
            return fed, f"images of {found[2]} x {found[3]} pixels, as the network was fed with last"
    sizes = compatible_sizes(network)
    if len(sizes) != 1:
        return network, ""
    (size,) = sizes
    shape = (*network.inputs[0].shape[:2], size, size)
    return _fed_with(network, shape), f"images of {size} pixels a side, the only square ones that fit"


def _fed_with(network: Graph, shape: Shape) -> Graph:
    return replace(network, inputs=(replace(network.inputs[0], shape=shape),))


def _unfed(file: SourceFile, root: Module, notes: Sequence[str]) -> ParsedModel:
    """Return a model without a graph, because its input shape is unknown; raise first if modules are unknown."""
    unknown = [f"{module.place!r} ({module.type}) is unknown" for module in _all(root) if not _is_known(module)]
    if unknown:
        raise LegacyFileError("cannot be converted: " + "; ".join(dict.fromkeys(unknown)) + ".")
    report = Report("torch7", (file.name,), "", (), (), (), notes=tuple(notes))
    return ParsedModel(
        report, None, f"{file.name}: the file does not contain the input shape of the network. {input_shape_hint()}"
    )


def _is_known(module: Module) -> bool:
    return module.kind in CONTAINERS or module.kind in OPERATIONS or module.kind in PASSED


def _all(module: Module) -> Iterator[Module]:
    """A module and those in it, each once."""
    waiting, met = [module], {module.object}
    while waiting:
        one = waiting.pop()
        yield one
        parts = [part for part in one.parts() if part.object not in met]
        met |= {part.object for part in parts}
        waiting += reversed(parts)


def _report(file: SourceFile, graph: ModuleConverter, network: Graph, notes: Sequence[str]) -> Report:
    single = () if graph.batched else ("the network takes single samples: its dimension 1 is not the batch",)
    return Report(
        "torch7",
        (file.name,),
        "",
        tuple((entry.name, entry.shape) for entry in network.inputs),
        network.outputs,
        tuple(graph.converted),
        skipped=tuple(graph.skipped),
        notes=(*notes, *single),
    )
