"""Read the files of one model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.keras_files import assign_weights
from kerasbridge.importers.keras_files.ir import Model, WeightsOnly
from kerasbridge.importers.keras_files.make_report import report_model, report_weights
from kerasbridge.importers.keras_files.parser import FileContents, read_contents
from kerasbridge.importers.keras_files.provenance import UNREADABLE, Origin, shared_data_format
from kerasbridge.importers.keras_files.to_model import ModelConverter
from kerasbridge.importers.source_file import SourceFile

_WEIGHTS_HINT = (
    "Its weights can still be loaded: build the model in Keras 3, with an equivalent for each of these layers, and "
    "pass it as model= (--onto MODEL.keras)."
)
_NO_WEIGHTS = (
    "{file} has a model without weights: expected the .h5 of its weights too (model.save_weights), received only this "
    "file."
)


def read(files: Sequence[SourceFile], flip_kernels: bool | None, version: int) -> ParsedModel:
    """Read a model with its weights, from one file or two, or weights alone.

    Args:
        version: the version of Keras, for files that do not record it.
    """
    described, weights = _sort_files([read_contents(file) for file in files])
    path = (described or weights).file.path  # type: ignore[union-attr]
    try:
        if described is None:
            assert weights is not None
            return _read_weights(weights, flip_kernels, version)
        return _read_model(described, weights, flip_kernels, version, files)
    except LegacyFileError as error:
        raise LegacyFileError(f"{path}: {error}") from error
    except RecursionError as error:
        raise LegacyFileError(f"{path} is nested too deeply for a Keras model.") from error


def read_weights_alone(files: Sequence[SourceFile], flip_kernels: bool | None, version: int) -> ParsedModel:
    """Read only the weights of files, which may contain a model too; the arguments are those of `read`."""
    _, weights = _sort_files([read_contents(file) for file in files])
    if weights is None:
        raise LegacyFileError(f"{files[0].path} has no weights: expected an .h5 of model.save or save_weights.")
    try:
        return _read_weights(weights, flip_kernels, version)
    except LegacyFileError as error:
        raise LegacyFileError(f"{weights.file.path}: {error}") from error


def _sort_files(contents: list[FileContents]) -> tuple[FileContents | None, FileContents | None]:
    """Return the file with the model and the one with the weights, which can be the same."""
    models = [one for one in contents if one.config is not None]
    weights = [one for one in contents if one.weights and one.config is None] or [one for one in models if one.weights]
    if len(models) > 1 or len(weights) > 1 or len(contents) > 2:
        names = ", ".join(str(one.file.path) for one in contents)
        raise LegacyFileError(f"Expected one model, in one .h5 or in a .json and an .h5 of weights, received {names}.")
    return next(iter(models), None), next(iter(weights), None)


def _origin(
    described: FileContents | None, weights: FileContents | None, flip_kernels: bool | None, version: int
) -> Origin:
    contents = [one for one in (weights, described) if one is not None]
    return Origin(
        next((one.keras_version for one in contents if one.keras_version), str(version)),
        next((one.backend for one in contents if one.backend), ""),
        flip_kernels,
        shared_data_format(described.config) if described else None,
    )


def _read_weights(weights: FileContents, flip_kernels: bool | None, version: int) -> ParsedModel:
    origin = _origin(None, weights, flip_kernels, version)
    layers = {name: arrays for name, arrays in (weights.weights or {}).items() if arrays}
    if not layers:
        raise LegacyFileError("has no weights.")
    flip = flip_kernels if flip_kernels is not None else (origin.backend == "theano" if origin.backend else None)
    content = WeightsOnly(layers, 1 if origin.is_keras1 else 2, origin.backend, flip)
    return ParsedModel(report_weights(layers, origin, weights), content)


def _read_model(
    described: FileContents,
    weights: FileContents | None,
    flip_kernels: bool | None,
    version: int,
    files: Sequence[SourceFile],
) -> ParsedModel:
    origin = _origin(described, weights, flip_kernels, version)
    if origin.version.startswith("3"):
        raise LegacyFileError("is of Keras 3: keras.models.load_model or model_from_json opens it.")
    if described.keras_version:
        origin = replace(origin, version=described.keras_version)
    if weights is not None:
        _check_same_version(described, weights)
    model = convert_model(described.config or {}, origin, _WEIGHTS_HINT)
    origin.check_unambiguous()
    report = report_model(model, origin, described, files)
    if weights is None and any(assign_weights.leaf_layers(model)):
        return ParsedModel(report, None, _NO_WEIGHTS.format(file=described.file.path))
    layers = weights.weights or {} if weights else {}
    arrays = {name: list(arrays.values()) for name, arrays in layers.items()}
    return ParsedModel(report, assign_weights.with_weights(model, arrays))


def _check_same_version(described: FileContents, weights: FileContents) -> None:
    if weights is not described and weights.keras_version[:1] not in ("", described.keras_version[:1]):
        raise LegacyFileError(
            f"is of Keras {described.keras_version}, the weights are of {weights.keras_version}: expected one version."
        )


def convert_model(config: Mapping[str, Any], origin: Origin, hint: str = "") -> Model:
    """Return the model with this class_name and config, without weights.

    Args:
        hint: a sentence for the error about layers that cannot be converted.

    Raises:
        LegacyFileError: the model cannot be converted; the message is a predicate that follows the name of the file.
    """
    converter = ModelConverter(origin)
    try:
        model = converter.model(config["class_name"], config["config"])
    except UNREADABLE as error:
        if isinstance(error, LegacyFileError):
            raise
        reason = f"{type(error).__name__}: {error}"
        raise LegacyFileError(f"has a configuration that cannot be read ({reason}).") from error
    if converter.errors:
        raise LegacyFileError(f"cannot be converted: {'; '.join(converter.errors)}. {hint}".rstrip())
    return model
