"""Keras 2 models in a SavedModel, restored from the metadata of their layers instead of the graph.

Keras stores the class and configuration of each of its objects as JSON: since TensorFlow 2.5 in `keras_metadata.pb`,
before in `saved_model.pb`. The weights of a layer are the list "variables" of its object.
"""

from collections.abc import Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.keras_files import make_report, reader
from kerasbridge.importers.keras_files.inputs import MODEL_CLASSES
from kerasbridge.importers.keras_files.ir import Model
from kerasbridge.importers.keras_files.parser import FileContents
from kerasbridge.importers.keras_files.provenance import UNREADABLE, Origin, shared_data_format
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.keras_metadata import KerasMetadata, read_metadata
from kerasbridge.importers.tensorflow.keras_weights import WeightFinder, with_weights
from kerasbridge.importers.tensorflow.loader import ModelFiles
from kerasbridge.importers.tensorflow.object_graph import ObjectTree, SavedObjects

_NO_WEIGHTS = "{path}: its folder variables, which contains the weights, is missing."


class KerasLayersError(LegacyFileError):
    """A Keras model cannot be restored from its metadata; the message is a sentence."""


def read_keras_layers(model_files: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel | None:
    """Read a model from its metadata; return None if Keras did not save it.

    Raises:
        KerasLayersError: the metadata of some layers is missing, or these cannot be converted.
        LegacyFileError: the weights are missing or damaged.
    """
    if model_files.objects is None or model_files.folder is None:
        return None
    tree = ObjectTree(model_files.objects.nodes)
    try:
        metadata = read_metadata(model_files.folder, tree)
        if metadata is None:
            return None
        contents = _model_config(metadata, SourceFile(model_files.folder / "saved_model.pb"))
        origin = Origin(contents.keras_version, "tensorflow", data_format=shared_data_format(contents.config))
        model = reader.convert_model(contents.config or {}, origin)
        weight_ids = WeightFinder(tree, metadata).find(model, 0)
    except RecursionError:
        raise KerasLayersError("they are nested too deeply.") from None
    except UNREADABLE as error:
        reason = str(error) if isinstance(error, LegacyFileError) else f"they cannot be read ({type(error).__name__})."
        raise KerasLayersError(reason) from error
    report = _report(model, origin, contents, files)
    if model_files.bundle is None:
        return ParsedModel(report, None, _NO_WEIGHTS.format(path=model_files.path))
    return ParsedModel(report, with_weights(model, weight_ids, SavedObjects(tree, model_files.bundle)))


def _model_config(metadata: KerasMetadata, file: SourceFile) -> FileContents:
    """Return the configuration of the whole model."""
    root = metadata.config(0)
    config = dict(root.get("model_config") or {"class_name": root["class_name"], "config": root.get("config")})
    kind = str(config["class_name"])
    if kind not in MODEL_CLASSES:
        raise KerasLayersError(f"the model is of the custom class {kind}.")
    if not config.get("config"):
        raise KerasLayersError("the model has custom layers, so that Keras did not store its configuration.")
    if kind == "Sequential" and isinstance(config["config"], dict):
        config["config"] = {"build_input_shape": root.get("build_input_shape"), **config["config"]}
    version = str(root.get("keras_version") or "2")
    return FileContents(file, config, None, version, "tensorflow", bool(root.get("training_config")))


def _report(model: Model, origin: Origin, contents: FileContents, files: Sequence[SourceFile]) -> Report:
    report = make_report.report_model(model, origin, contents, files)
    note = "restored from the layers in its Keras metadata"
    return replace(report, format="tensorflow", files=tuple(file.name for file in files), notes=(note, *report.notes))
