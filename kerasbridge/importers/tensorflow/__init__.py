"""TensorFlow: the folder of a SavedModel, a frozen graph, or a checkpoint with or without its graph.

A model that Keras 2 saved is restored from its Keras metadata; any other graph is executed symbolically from its inputs
to its outputs; a checkpoint without a graph contains only weights. TensorFlow itself is not needed.
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
    """Return whether a file or folder is a TensorFlow file."""
    return detect.detect_kind(file) is not None


def read(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read a model and its variables, or only variables if there is no graph."""
    model_files = open_files(files)
    with _errors_with_path(model_files):
        return _read_model(model_files, files) if model_files.graph is not None else read_weights(model_files, files)


def read_part(files: Sequence[SourceFile], inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> ParsedModel:
    """Read the part of a graph between the inputs and the outputs that the user names."""
    model_files = open_files(files)
    with _errors_with_path(model_files):
        if model_files.graph is None:
            raise LegacyFileError("contains only variables, no graph: leave out inputs= and outputs=.")
        return read_graph(model_files, files, inputs, outputs)


def read_weights_alone(files: Sequence[SourceFile], flip_kernels: bool | None = None) -> ParsedModel:
    """Read the variables for a model that the user passes; if they are missing, read the model."""
    model_files = open_files(files)
    with _errors_with_path(model_files):
        return read_weights(model_files, files) if model_files.bundle is not None else _read_model(model_files, files)


@contextlib.contextmanager
def _errors_with_path(model_files: ModelFiles) -> Iterator[None]:
    """Prefix errors with the path of the file."""
    try:
        yield
    except LegacyFileError as error:
        raise LegacyFileError(f"{model_files.path}: {' '.join(str(error).split())}") from error


def _read_model(model_files: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    """Restore a model from its Keras metadata if possible, else from its graph."""
    try:
        return read_keras_layers(model_files, files) or read_graph(model_files, files)
    except KerasLayersError as error:
        return _read_graph_instead(error, model_files, files)


def _read_graph_instead(reason: KerasLayersError, model_files: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    if model_files.bundle is not None:
        model_files.bundle.check_shards()
    try:
        parsed = read_graph(model_files, files)
    except LegacyFileError as error:
        raise LegacyFileError(
            f"could be restored neither from its Keras metadata nor from its graph. The layers: {reason} "
            f"The graph: {error}"
        ) from error
    note = f"restored from its graph, not from the layers in its Keras metadata: {reason}"
    return replace(parsed, report=replace(parsed.report, notes=(note, *parsed.report.notes)))
