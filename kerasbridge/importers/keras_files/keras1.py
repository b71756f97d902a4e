"""Keras 1: models and weights in .h5 files, models in .json files."""

from collections.abc import Sequence

from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.keras_files import detect, reader
from kerasbridge.importers.source_file import SourceFile

DESCRIPTION = "an .h5 of Keras 1, or a .json and an .h5 of its weights"
KERNELS_MAY_BE_FLIPPED = True


def matches(file: SourceFile) -> bool:
    """Return whether Keras 1 wrote a file."""
    return detect.detect_version(file) == 1


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a model with its weights, or only one of them."""
    return reader.read(files, flip_kernels, 1)


def read_weights_alone(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read only the weights, to load them into a model."""
    return reader.read_weights_alone(files, flip_kernels, 1)
