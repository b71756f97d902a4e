"""The formats that can be read, found by what is in a file and not by its name."""

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
"""Each format and the module that reads it, a `Format`."""


@dataclass(frozen=True)
class ParsedModel:
    """What a format's reader found.

    Args:
        report: for the person who asks.
        content: what a model is made of: a `Graph`, or another class that `making` knows; None where files that it
            needs were not given.
        lacking: what is missing then.
    """

    report: Report
    content: Any
    lacking: str = ""


class Format(Protocol):
    """What the module of a format has."""

    DESCRIPTION: str
    """How its files are called, for errors."""

    KERNELS_MAY_BE_FLIPPED: bool
    """Whether such files may hold the kernels of a true convolution; else `read` is never told of `flip_kernels`."""

    def matches(self, file: SourceFile) -> bool:
        """Return whether a file is of this format, by its first bytes; a damaged one still is."""

    def read(
        self, files: Sequence[SourceFile], flip_kernels: bool | None = None
    ) -> ParsedModel | Callable[[Sequence[Shape] | None], ParsedModel]:
        """Read the files, whatever is in them.

        Where what a network is depends on what it is fed with, and no file says that, a function of the shapes of its
        inputs is what was read: of those that the person who asks has said, or of None.

        Args:
            flip_kernels: whether kernels are to be turned in space, in the word of the person who asks; None: as the
                files say, and where they do not say it, an error asks.

        Raises:
            LegacyFileError: in one sentence, what is wrong with which file.
        """


def read(
    paths: Sequence[object],
    wanted: str | None,
    flip_kernels: bool | None = None,
    input_shape: Any = None,
    onto: bool = False,
) -> ParsedModel:
    """What the files hold, read as the format that is wanted or else recognised.

    Args:
        onto: whether a model is there that takes weights: then a format that has `read_weights_alone`, with the
            arguments of `read`, is asked for these, whatever else is in its files.
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
    """The reading with the sizes of the network's inputs as the model will have them."""
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
    """The one format of all files."""
    found = {file: next((name for name in FORMATS if _module(name).matches(file)), None) for file in files}
    known = "; ".join(f"{name}: {_module(name).DESCRIPTION}" for name in FORMATS)
    for file, name in found.items():
        if name is None:
            raise LegacyFileError(f"{file.path} is of no format that is known here. Known are: {known}.")
    if len({*found.values()}) > 1:
        each = ", ".join(f"{file.path} is of {name}" for file, name in found.items())
        raise LegacyFileError(f"Expected files of one format; {each}.")
    return str(found[files[0]])
