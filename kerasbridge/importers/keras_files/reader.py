"""The files of one model: what is in them as a `ParsedModel`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.keras_files import assign_weights
from kerasbridge.importers.keras_files.detect import FileContents, Weights, read_contents
from kerasbridge.importers.keras_files.ir import Layer, Model, WeightsAlone
from kerasbridge.importers.keras_files.provenance import FLIP_KERNELS_HINT, UNREADABLE, Origin, shared_data_format
from kerasbridge.importers.keras_files.to_model import ModelConverter
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile

KERNELS_MAY_BE_FLIPPED = True
_OWN = (
    "Ceil", "SameAverage", "ThresholdedReLU", "EachBatch", "Affine", "LocallyConnected", "Highway", "MaxoutDense",
    "SReLU", "ParametricSoftplus", "RandomFourier",
)  # fmt: skip
_WAY_OUT = (
    "The weights can: build the same layers in Keras 3, with what you know of these, and give that model, model= "
    "(--onto MODEL.keras)."
)
_LACKING = (
    "{file} holds a model without weights: expected the .h5 of its weights beside it (model.save_weights), received it "
    "alone."
)


def read(files: Sequence[SourceFile], flip_kernels: bool | None, version: int) -> ParsedModel:
    """Read a model with its weights, a model and weights in two files, or weights alone.

    Args:
        version: of Keras, for files that do not say it.
    """
    described, weighed = _sorted([read_contents(file) for file in files])
    path = (described or weighed).file.path  # type: ignore[union-attr]
    try:
        if described is None:
            assert weighed is not None
            return _weights_alone(weighed, flip_kernels, version)
        return _model(described, weighed, flip_kernels, version, files)
    except LegacyFileError as error:
        raise LegacyFileError(f"{path}: {error}") from error
    except RecursionError as error:
        raise LegacyFileError(f"{path} is nested too deeply to be a model of Keras's.") from error


def read_weights_alone(files: Sequence[SourceFile], flip_kernels: bool | None, version: int) -> ParsedModel:
    """Read the weights of files that may hold a model too; the arguments are those of `read`."""
    _, weighed = _sorted([read_contents(file) for file in files])
    if weighed is None:
        raise LegacyFileError(f"{files[0].path} holds no weights: expected an .h5 of model.save or save_weights.")
    try:
        return _weights_alone(weighed, flip_kernels, version)
    except LegacyFileError as error:
        raise LegacyFileError(f"{weighed.file.path}: {error}") from error


def _sorted(everything: list[FileContents]) -> tuple[FileContents | None, FileContents | None]:
    """The file with the model and the one with the weights; often one is both."""
    models = [one for one in everything if one.config is not None]
    weights = [one for one in everything if one.weights and one.config is None] or [
        one for one in models if one.weights
    ]
    if len(models) > 1 or len(weights) > 1 or len(everything) > 2:
        named = ", ".join(str(one.file.path) for one in everything)
        raise LegacyFileError(f"Expected one model, in one .h5 or in a .json and an .h5 of weights, received {named}.")
    return next(iter(models), None), next(iter(weights), None)


def _origin(
    config: FileContents | None, weights: FileContents | None, flip_kernels: bool | None, version: int
) -> Origin:
    said = next((one.keras_version for one in (weights, config) if one is not None and one.keras_version), str(version))
    backend = next((one.backend for one in (weights, config) if one is not None and one.backend), "")
    return Origin(said, backend, flip_kernels, shared_data_format(config.config) if config else None)


def _weights_alone(weights: FileContents, flip_kernels: bool | None, version: int) -> ParsedModel:
    origin = _origin(None, weights, flip_kernels, version)
    layers = {name: arrays for name, arrays in (weights.weights or {}).items() if arrays}
    if not layers:
        raise LegacyFileError("has no weights.")
    flip = flip_kernels if flip_kernels is not None else (origin.backend == "theano" if origin.backend else None)
    content = WeightsAlone(layers, 1 if origin.is_keras1 else 2, origin.backend, flip)
    brought = tuple(LayerReport(name, f"{len(arrays)} arrays") for name, arrays in layers.items())
    notes = (*_notes(origin, weights), "weights alone: model= takes them, of a Keras model of the same layers")
    return ParsedModel(Report(_format(origin), (weights.file.name,), "", (), (), brought, notes=notes), content)


def _model(
    described: FileContents,
    weights: FileContents | None,
    flip_kernels: bool | None,
    version: int,
    files: Sequence[SourceFile],
) -> ParsedModel:
    origin = _origin(described, weights, flip_kernels, version)
    if described.config is not None and origin.version.startswith("3"):
        raise LegacyFileError("is of Keras 3: keras.models.load_model or model_from_json opens it.")
    model, origin = _described(described, origin, weights)
    report = make_report(model, origin, described, files)
    if weights is None and any(assign_weights.leaf_layers(model)):
        return ParsedModel(report, None, _LACKING.format(file=described.file.path))
    return ParsedModel(report, assign_weights.with_weights(model, _arrays(weights.weights or {}) if weights else {}))


def _described(described: FileContents, origin: Origin, weights: FileContents | None) -> tuple[Model, Origin]:
    """The model without weights, and its origin."""
    config = described.config or {}
    if described.keras_version:
        origin = replace(origin, version=described.keras_version)
    if (
        weights is not None
        and weights is not described
        and weights.keras_version[:1] not in ("", described.keras_version[:1])
    ):
        raise LegacyFileError(
            f"is of Keras {described.keras_version}, the weights are of {weights.keras_version}: expected one."
        )
    model = convert_model(config, origin, _WAY_OUT)
    if origin.ambiguous_layers:
        raise LegacyFileError(f"{', '.join(map(repr, dict.fromkeys(origin.ambiguous_layers)))}: {FLIP_KERNELS_HINT}")
    return model, origin


def convert_model(config: Mapping[str, Any], origin: Origin, way_out: str = "") -> Model:
    """The model of a class and a configuration, without weights.

    Args:
        way_out: what to say of layers that cannot be brought.

    Raises:
        LegacyFileError: what is wrong, to follow the name of the file.
    """
    converter = ModelConverter(origin)
    try:
        model = converter.model(config["class_name"], config["config"])
    except UNREADABLE as error:
        if isinstance(error, LegacyFileError):
            raise
        words = f"{type(error).__name__}: {error}"
        raise LegacyFileError(f"has a configuration that cannot be read ({words}).") from error
    if converter.errors:
        raise LegacyFileError(f"cannot be brought: {'; '.join(converter.errors)}. {way_out}".rstrip())
    return model


def _arrays(weights: Weights) -> dict[str, list]:  # type: ignore[type-arg]
    return {name: list(arrays.values()) for name, arrays in weights.items()}


def _format(origin: Origin) -> str:
    return "keras1" if origin.is_keras1 else "keras2"


def make_report(model: Model, origin: Origin, described: FileContents, files: Sequence[SourceFile]) -> Report:
    """What becomes of the layers of a model that a file describes."""
    entries = [
        (LayerReport(f"{place}{layer.name}", layer.type, _what(layer)), layer) for place, layer in model.all_layers()
    ]
    dropped = (
        (LayerReport("training_config", "optimizer and loss", "compile the model anew"),) if described.compiled else ()
    )
    notes = [f"{layer.name}: {note}" for _, layer in entries for note in layer.notes]
    return Report(
        _format(origin),
        tuple(file.name for file in files),
        model.name,
        tuple((entry.name, entry.shape) for entry in model.inputs),
        tuple(ref.layer for ref in model.outputs),
        tuple(entry for entry, _ in entries if not entry.what),
        tuple(entry for entry, _ in entries if entry.what),
        dropped,
        notes=(*_notes(origin, described), *notes),
    )


def _what(layer: Layer) -> str:
    """What a layer became, where it is not the layer of the same kind."""
    kinds = [part.kind for part in layer.parts]
    strange = len(kinds) > 1 or layer.type.startswith(("CuDNN", "TFOp")) or any(kind.startswith(_OWN) for kind in kinds)
    return ", ".join(kinds) if strange else ""


def _notes(origin: Origin, one: FileContents) -> list[str]:
    said = f"written by Keras {one.keras_version or origin.version}" + (
        f" on {origin.backend}" if origin.backend else ""
    )
    if origin.flip_kernels or (origin.flip_kernels is None and origin.backend == "theano"):
        return [f"{said}; kernels of convolutions were turned in space"]
    return [said]
