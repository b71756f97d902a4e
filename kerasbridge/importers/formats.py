"""The formats that can be read, detected from the contents of a file and not from its name."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers.input_shapes import input_shape_hint, parse_input_shape, with_input_shapes
from kerasbridge.importers.ir.graph import Graph, compatible_sizes, with_dynamic_images
from kerasbridge.importers.ir.ops import Shape, UnknownDimension
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile

FORMATS = {
    "caffe": "kerasbridge.importers.caffe",
    "matconvnet": "kerasbridge.importers.matconvnet",
    "torch7": "kerasbridge.importers.torch7",
    "tensorflow": "kerasbridge.importers.tensorflow",
    "keras1": "kerasbridge.importers.keras_files.keras1",
    "keras2": "kerasbridge.importers.keras_files.keras2",
    "pytorch": "kerasbridge.importers.pytorch",
    "theano": "kerasbridge.importers.theano",
}
"""The module that reads each format, a `Format`."""


@dataclass(frozen=True)
class ParsedModel:
    """The result of reading the files of a model.

    Args:
        report: the report for the user.
        content: the source of the model: a `Graph`, or another class that `build_model` accepts; None if files or
            sizes that it needs were not given.
        missing: a description of what is missing, if there is no content; else "".
    """

    report: Report
    content: Any
    missing: str = ""


class Format(Protocol):
    """The interface of the module of a format."""

    DESCRIPTION: str
    """A description of its files, for errors."""

    KERNELS_MAY_BE_FLIPPED: bool
    """True if files may contain the kernels of a true convolution; else `read` never receives `flip_kernels`."""

    def matches(self, file: SourceFile) -> bool:
        """Return whether the first bytes of a file are those of this format, even if the rest of it is corrupt."""

    def read(
        self, files: Sequence[SourceFile], flip_kernels: bool | None = None
    ) -> ParsedModel | Callable[[Sequence[Shape] | None], ParsedModel]:
        """Read the files, and check everything in them.

        If the network depends on the shapes of its inputs and the files do not record them, return a function of these
        shapes instead: it takes the shapes that the user passed, or None.

        Args:
            flip_kernels: whether to flip kernels along height and width, as the user passed it; None to do as the files
                record, with an error if they do not.

        Raises:
            LegacyFileError: a file is invalid; the message is one sentence that names the file and the fault.
        """


def read(
    paths: Sequence[object],
    format_name: str | None,
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    weights_only: bool = False,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> ParsedModel:
    """Read the files in the requested format, or else in the format that is detected.

    Args:
        inputs, outputs: names of the part of the network that is wanted, for formats with the function `read_part`,
            which takes the files and both.
        weights_only: whether the user passed a model to load weights into. If so, and the module of the format has the
            function `read_weights_alone`, which takes the arguments of `read`, it is called instead of `read`.
    """
    if not paths:
        raise ArgumentError('Expected the files of a model, received none. Type for example "net.prototxt".')
    files = [SourceFile(str(path)) for path in paths]
    name = format_name or _detect_format(files)
    module = _import_format(name)
    if flip_kernels is not None and not module.KERNELS_MAY_BE_FLIPPED:
        raise ArgumentError(f"flip_kernels does not apply to {name} files: leave out flip_kernels=.")
    shapes = parse_input_shape(input_shape)
    parsed: ParsedModel
    if inputs is not None or outputs is not None:
        parsed = _read_part(name, module, files, weights_only, inputs, outputs)
    else:
        read_files = getattr(module, "read_weights_alone", module.read) if weights_only else module.read
        result = read_files(files, flip_kernels)
        parsed = result(shapes) if callable(result) else result
    if isinstance(parsed.content, Graph):
        return _with_shapes(parsed, parsed.content, shapes)
    if shapes is not None and parsed.content is not None:
        raise ArgumentError(
            f"input_shape does not apply to these {name} files, which record it or contain only weights: leave out "
            "input_shape=."
        )
    return parsed


def _read_part(
    name: str,
    module: Any,
    files: Sequence[SourceFile],
    weights_only: bool,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
) -> ParsedModel:
    """Read the part of a network between its named inputs and outputs."""
    argument = "outputs" if inputs is None else "inputs"
    if weights_only:
        raise ArgumentError(f"{argument} does not apply where weights are loaded into a model: leave out {argument}=.")
    if not hasattr(module, "read_part"):
        raise ArgumentError(f"{argument} does not apply to {name} files: leave out {argument}=.")
    for argument, names in (("inputs", inputs), ("outputs", outputs)):
        if names is not None and (isinstance(names, str) or not names or not all(isinstance(n, str) for n in names)):
            raise ArgumentError(f'Expected {argument}= as a list of names, such as ["scores"], received {names!r}.')
        if names is not None and len({*names}) < len(names):
            raise ArgumentError(f"Expected each name in {argument}= once, received {list(names)}.")
    parsed: ParsedModel = module.read_part(files, inputs, outputs)
    return parsed


def _with_shapes(parsed: ParsedModel, graph: Graph, shapes: Sequence[Shape] | None) -> ParsedModel:
    """Return the parsed model with the final input shapes of its graph."""
    files = ", ".join(parsed.report.files)
    try:
        sized = with_dynamic_images(graph) if shapes is None else with_input_shapes(graph, shapes)
        sized.shapes()
    except UnknownDimension as unknown:
        return replace(parsed, content=None, missing=f"{files}: {_missing_size(graph, unknown)}")
    except LegacyFileError as error:
        raise LegacyFileError(f"{files}: {error}") from error
    inputs = tuple((entry.name, entry.shape) for entry in sized.inputs)
    return ParsedModel(replace(parsed.report, inputs=inputs), sized)


def _missing_size(graph: Graph, unknown: UnknownDimension) -> str:
    sizes = compatible_sizes(graph)
    examples = f"; images of {' or '.join(map(str, sizes[:5]))} pixels a side would fit" if sizes else ""
    hint = input_shape_hint([entry.shape for entry in graph.inputs], sizes or (224,))
    return f"{unknown}, and the file does not record which{examples}. {hint}"


def _import_format(name: str) -> Format:
    if name not in FORMATS:
        raise ArgumentError(f"Expected the format {' or '.join(FORMATS)}, received {name!r}.")
    module: Format = importlib.import_module(FORMATS[name])
    return module


def _detect_format(files: Sequence[SourceFile]) -> str:
    """Return the format of the files, which must be the same for all of them."""
    detected = [next((name for name in FORMATS if _import_format(name).matches(file)), None) for file in files]
    for file, name in zip(files, detected, strict=True):
        if name is None:
            known = "; ".join(f"{name}: {_import_format(name).DESCRIPTION}" for name in FORMATS)
            raise LegacyFileError(f"{file.path} has an unknown format. Supported formats: {known}.")
    if len({*detected}) > 1:
        each = ", ".join(f"{file.path} is a {name} file" for file, name in zip(files, detected, strict=True))
        raise LegacyFileError(f"Expected files of one format; {each}.")
    return str(detected[0])
