"""TensorFlow: a SavedModel's folder, a frozen graph, or a checkpoint, with its graph or alone.

A model that Keras 2 saved comes back by the layers that Keras wrote down; any other graph is followed from what is fed
to it to what is asked of it; a checkpoint alone is weights. TensorFlow itself is not needed.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow import detect
from kerasbridge.importers.tensorflow.checkpoints import read_weights
from kerasbridge.importers.tensorflow.keras_layers import KerasLayersError, read_keras_layers
from kerasbridge.importers.tensorflow.loader import ModelFiles, open_files
from kerasbridge.importers.tensorflow.to_graph import read_graph

DESCRIPTION = "a SavedModel's folder, a frozen graph (.pb), or a checkpoint (.meta, .index, .data)"
KERNELS_MAY_BE_FLIPPED = False


def matches(file: SourceFile) -> bool:
    """Return whether a file or folder is one of TensorFlow's."""
    return detect.detect_kind(file) is not None


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a model and its variables, or variables alone."""
    found = open_files(files)
    with _named(found):
        return _model(found, files) if found.graph is not None else read_weights(found, files)


def read_weights_alone(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the variables, for a model that is given; without any, what else there is."""
    found = open_files(files)
    with _named(found):
        return read_weights(found, files) if found.bundle is not None else _model(found, files)


@contextlib.contextmanager
def _named(found: ModelFiles) -> Iterator[None]:
    """Errors begin with the name of the file."""
    try:
        yield
    except LegacyFileError as error:
        raise LegacyFileError(f"{found.path}: {' '.join(str(error).split())}") from error


def _model(found: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    """By the layers that Keras wrote down, where these can be brought, else by the graph."""
    try:
        return read_keras_layers(found, files) or read_graph(found, files)
    except KerasLayersError as why:
        return _by_graph_after(why, found, files)


def _by_graph_after(why: KerasLayersError, found: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    if found.bundle is not None:
        found.bundle.expect_data()
    try:
        reading = read_graph(found, files)
    except LegacyFileError as error:
        raise LegacyFileError(
            f"comes back neither by the layers that Keras wrote down nor as its graph. The layers: {why} The graph: "
            f"{error}"
        ) from error
    note = f"brought as its graph, not by the layers that Keras wrote down: {why}"
    return replace(reading, report=replace(reading.report, notes=(note, *reading.report.notes)))
