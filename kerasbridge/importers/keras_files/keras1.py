"""Keras 1: .h5 of models or of weights, and .json of models."""

from collections.abc import Sequence

from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.keras_files import detect, reader
from kerasbridge.importers.source_file import SourceFile

DESCRIPTION = "an .h5 of Keras 1, or a .json and an .h5 of its weights"
KERNELS_MAY_BE_FLIPPED = reader.KERNELS_MAY_BE_FLIPPED


def matches(file: SourceFile) -> bool:
    """Return whether a file says that it is of Keras 1, or looks so."""
    return detect.detect_version(file) == 1


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a model with its weights, or either of them."""
    return reader.read(files, flip_kernels, 1)


def read_weights_alone(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the weights, for a model that is given."""
    return reader.read_weights_alone(files, flip_kernels, 1)
