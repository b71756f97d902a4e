"""Reports for the user."""

from collections.abc import Sequence

from kerasbridge.importers.keras_files.ir import Layer, Model
from kerasbridge.importers.keras_files.parser import FileContents, Weights
from kerasbridge.importers.keras_files.provenance import Origin
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile

_OWN_LAYERS = (
    "Ceil", "SameAverage", "ThresholdedReLU", "EachBatch", "Affine", "LocallyConnected", "Highway", "MaxoutDense",
    "SReLU", "ParametricSoftplus", "RandomFourier",
)  # fmt: skip
"""Prefixes of classes of `kerasbridge.layers`."""


def report_model(model: Model, origin: Origin, contents: FileContents, files: Sequence[SourceFile]) -> Report:
    """Return the report of a model."""
    layers = list(model.all_layers())
    entries = [LayerReport(path, layer.type, _replacement(layer)) for path, layer in layers]
    notes = [f"{layer.name}: {note}" for _, layer in layers for note in layer.notes]
    skipped = [LayerReport("training_config", "optimizer and loss", "compile the model again")]
    return Report(
        _format(origin),
        tuple(file.name for file in files),
        model.name,
        tuple((entry.name, entry.shape) for entry in model.inputs),
        tuple(ref.layer for ref in model.outputs),
        tuple(entry for entry in entries if not entry.what),
        tuple(entry for entry in entries if entry.what),
        tuple(skipped if contents.compiled else ()),
        notes=(_origin_note(origin, contents), *notes),
    )


def report_weights(layers: Weights, origin: Origin, contents: FileContents) -> Report:
    """Return the report of weights without a model."""
    entries = tuple(LayerReport(name, f"{len(arrays)} arrays") for name, arrays in layers.items())
    notes = (
        _origin_note(origin, contents),
        "only weights: kb.import_weights loads them into a model of these layers",
    )
    return Report(_format(origin), (contents.file.name,), "", (), (), entries, notes=notes)


def _format(origin: Origin) -> str:
    return "keras1" if origin.is_keras1 else "keras2"


def _replacement(layer: Layer) -> str:
    """Return the classes of the layers that replace a layer, "" if it is the layer of the same class in Keras 3."""
    kinds = [part.kind for part in layer.parts]
    is_substituted = len(kinds) > 1 or layer.type.startswith(("CuDNN", "TFOp"))
    is_own = any(kind.startswith(_OWN_LAYERS) for kind in kinds)
    return ", ".join(kinds) if is_substituted or is_own else ""


def _origin_note(origin: Origin, contents: FileContents) -> str:
    version, backend = contents.keras_version or origin.version, f" on {origin.backend}" if origin.backend else ""
    flips = origin.flip_kernels or (origin.flip_kernels is None and origin.backend == "theano")
    return f"written by Keras {version}{backend}{'; kernels of convolutions were flipped' if flips else ''}"
