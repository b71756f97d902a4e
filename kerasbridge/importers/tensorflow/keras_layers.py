"""Models of Keras 2 in a SavedModel: by the layers that Keras wrote down, beside the graph that TensorFlow saved.

For each of its objects Keras notes a class and a configuration as JSON: since TensorFlow 2.5 in `keras_metadata.pb`,
before in `saved_model.pb`. The weights of a layer are the list that its object calls "variables".
"""

from collections.abc import Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.keras_files import reader
from kerasbridge.importers.keras_files.detect import FileContents
from kerasbridge.importers.keras_files.inputs import MODEL_CLASSES
from kerasbridge.importers.keras_files.ir import Model
from kerasbridge.importers.keras_files.provenance import UNREADABLE, Origin, shared_data_format
from kerasbridge.importers.report import Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.keras_metadata import KerasMetadata, read_metadata
from kerasbridge.importers.tensorflow.keras_weights import WeightFinder, with_weights
from kerasbridge.importers.tensorflow.loader import ModelFiles
from kerasbridge.importers.tensorflow.object_graph import ObjectTree, SavedObjects

_NO_WEIGHTS = "{path}: its folder variables, which holds the weights, is missing."


class KerasLayersError(LegacyFileError):
    """Why a model of Keras's does not come back by its layers, as a sentence."""


def read_keras_layers(found: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel | None:
    """The model by its layers; None where Keras did not save it.

    Raises:
        KerasLayersError: the layers are not all written down, or cannot be brought.
        LegacyFileError: the weights are missing or damaged.
    """
    if found.objects is None or found.folder is None:
        return None
    tree = ObjectTree(found.objects.nodes)
    try:
        notes = read_metadata(found.folder, tree)
        if notes is None:
            return None
        said = _model_config(notes, SourceFile(found.folder / "saved_model.pb"))
        origin = Origin(said.keras_version, "tensorflow", data_format=shared_data_format(said.config))
        model = reader.convert_model(said.config or {}, origin)
        places = WeightFinder(tree, notes).places(model, 0)
    except RecursionError:
        raise KerasLayersError("they are nested too deeply.") from None
    except UNREADABLE as error:
        told = str(error) if isinstance(error, LegacyFileError) else f"they cannot be read ({type(error).__name__})."
        raise KerasLayersError(told) from error
    report = _report(model, origin, said, files)
    if found.bundle is None:
        return ParsedModel(report, None, _NO_WEIGHTS.format(path=found.path))
    return ParsedModel(report, with_weights(model, places, SavedObjects(tree, found.bundle)))


def _model_config(notes: KerasMetadata, file: SourceFile) -> FileContents:
    """The whole model as Keras wrote it down."""
    said = notes.of(0)
    config = dict(said.get("model_config") or {"class_name": said["class_name"], "config": said.get("config")})
    kind = str(config["class_name"])
    if kind not in MODEL_CLASSES:
        raise KerasLayersError(f"the model is of the class {kind}, which is its program's own.")
    if not config.get("config"):
        raise KerasLayersError("of the model no configuration is written down, as it has layers of its program's own.")
    if kind == "Sequential" and isinstance(config["config"], dict):
        config["config"] = {"build_input_shape": said.get("build_input_shape"), **config["config"]}
    version = str(said.get("keras_version") or "2")
    return FileContents(file, config, None, version, "tensorflow", bool(said.get("training_config")))


def _report(model: Model, origin: Origin, said: FileContents, files: Sequence[SourceFile]) -> Report:
    report = reader.make_report(model, origin, said, files)
    told = "brought by the layers that Keras wrote down"
    return replace(report, format="tensorflow", files=tuple(file.name for file in files), notes=(told, *report.notes))
