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
        lacking: a description of what is missing, if there is no content; else "".
    """

    report: Report
    content: Any
    lacking: str = ""


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
            LegacyFileError: a file is invalid; the message names it and the fault in one sentence.
        """


def read(
    paths: Sequence[object],
    wanted: str | None,
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    onto: bool = False,
) -> ParsedModel:
    """Read the files as the requested format, or else as the format that is detected.

    Args:
        onto: whether the user passed a model to load weights into. If so, and the module of the format has the function
            `read_weights_alone`, which takes the arguments of `read`, it is called instead of `read`.
    """
    if not paths:
        raise ArgumentError('Expected the files of a model, received none. Type for example "net.prototxt".')
    files = [SourceFile(str(path)) for path in paths]
    name = wanted or _detect_format(files)
    module = _module(name)
    if flip_kernels is not None and not module.KERNELS_MAY_BE_FLIPPED:
        raise ArgumentError(f"Files of {name} say how their kernels lie: leave out flip_kernels.")
    shapes = parse_input_shape(input_shape)
    found = (getattr(module, "read_weights_alone", module.read) if onto else module.read)(files, flip_kernels)
    reading = found(shapes) if callable(found) else found
    if shapes is not None and reading.content is not None and not isinstance(reading.content, Graph):
        raise ArgumentError(f"Files of {name} say what the model takes, or hold weights alone: leave out input_shape.")
    try:
        return _settled(reading, shapes)
    except LegacyFileError as error:
        raise LegacyFileError(f"{', '.join(reading.report.files)}: {error}") from error


def _settled(reading: ParsedModel, shapes: Sequence[Shape] | None) -> ParsedModel:
    """Return the parsed model with the final input shapes of the network."""
    if not isinstance(reading.content, Graph):
        return reading
    network = reading.content if shapes is None else with_input_shapes(reading.content, shapes)
    try:
        if shapes is None:
            network = with_dynamic_images(network)
        network.shapes()
    except UnknownDimension as unknown:
        fitting = compatible_sizes(reading.content)
        which = f"; images of {' or '.join(map(str, fitting[:5]))} pixels a side would fit" if fitting else ""
        files = ", ".join(reading.report.files)
        how = input_shape_hint([entry.shape for entry in network.inputs], fitting or (224,))
        lacking = f"{files}: {unknown}, and the file does not say which{which}. {how}"
        return replace(reading, content=None, lacking=lacking)
    inputs = tuple((entry.name, entry.shape) for entry in network.inputs)
    return ParsedModel(replace(reading.report, inputs=inputs), network)


def _module(name: str) -> Format:
    if name not in FORMATS:
        raise ArgumentError(f"Expected the format {' or '.join(FORMATS)}, received {name!r}.")
    module: Format = importlib.import_module(FORMATS[name])
    return module


def _detect_format(files: Sequence[SourceFile]) -> str:
    """Return the format of the files, which must be the same for all of them."""
    found = {file: next((name for name in FORMATS if _module(name).matches(file)), None) for file in files}
    known = "; ".join(f"{name}: {_module(name).DESCRIPTION}" for name in FORMATS)
    for file, name in found.items():
        if name is None:
            raise LegacyFileError(f"{file.path} is of no format that is known here. Known are: {known}.")
    if len({*found.values()}) > 1:
        each = ", ".join(f"{file.path} is of {name}" for file, name in found.items())
        raise LegacyFileError(f"Expected files of one format; {each}.")
    return str(found[files[0]])
