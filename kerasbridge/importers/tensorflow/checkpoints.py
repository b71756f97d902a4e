"""Read only the variables: of a checkpoint without its graph, or for a model that the user passes."""

from collections.abc import Sequence

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.weights import Parameter, Parameters, describe_array, split_weights
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow import variable_scopes
from kerasbridge.importers.tensorflow.loader import ModelFiles
from kerasbridge.importers.tensorflow.object_checkpoint import variable_entries
from kerasbridge.importers.tensorflow.object_graph import OBJECT_GRAPH_KEY
from kerasbridge.importers.tensorflow.tensor_bundle import TensorBundle

_MAX_SHOWN = 4
_NOTE = "only weights: kb.import_weights loads them into a model of these layers"


def read_weights(model_files: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    """Read the variables of layers, without those of optimizers and counters.

    Raises:
        LegacyFileError: they are missing, or they are damaged.
    """
    bundle = model_files.bundle
    assert bundle is not None
    bundle.check_shards()
    is_tracked = OBJECT_GRAPH_KEY in bundle.names
    keys = variable_entries(bundle) if is_tracked else _layer_keys(bundle)
    weights, others = _split_variables([Parameter(name, bundle.read(key)) for name, key in keys.items()])
    if not weights:
        raise LegacyFileError("contains no variables that could be weights of layers.")
    rest = [key for key in bundle.names if key not in keys.values() and key != OBJECT_GRAPH_KEY]
    converted = tuple(LayerReport(weight.name, describe_array(weight.array)) for weight in weights)
    names = tuple(file.name for file in files)
    report = Report("tensorflow", names, "", (), (), converted, skipped=(*_skipped(rest), *others), notes=(_NOTE,))
    return ParsedModel(report, _parameters(str(model_files.path), weights, is_tracked))


def _split_variables(variables: Sequence[Parameter]) -> tuple[list[Parameter], list[LayerReport]]:
    """Split off what cannot be weights: counters, and the statistics of layers with one, such as Normalization."""
    weights, others = split_weights(variables)
    counting = {other.layer.rpartition("/")[0] for other in others if other.layer.endswith("/count")}
    statistics = {weight.name for weight in weights if weight.name.rpartition("/")[0] in counting}
    reports = (
        LayerReport(weight.name, describe_array(weight.array), "statistics of data, not the weight of a layer")
        for weight in weights
        if weight.name in statistics
    )
    return [weight for weight in weights if weight.name not in statistics], [*others, *reports]


def _layer_keys(bundle: TensorBundle) -> dict[str, str]:
    """Return the variables of TensorFlow 1 layers, sorted by name."""
    names = {name for name in bundle.names if bundle.is_supported(name)}
    return {name: name for name in variable_scopes.layer_variables(names) if bundle.shape(name)}


def _skipped(keys: Sequence[str]) -> list[LayerReport]:
    if not keys:
        return []
    rest = f" and {len(keys) - _MAX_SHOWN} more" if len(keys) > _MAX_SHOWN else ""
    return [LayerReport("optimizer, counters", f"{len(keys)} variables", f"{', '.join(keys[:_MAX_SHOWN])}{rest}")]


def _parameters(file: str, weights: Sequence[Parameter], ordered: bool) -> Parameters:
    groups = variable_scopes.group_by_layer(weights)
    numbered = all(variable_scopes.is_numbered(weight.name) for weight in weights)
    loose = () if groups else tuple(weights)
    return Parameters(file, "tensorflow", loose, groups, ordered or numbered)
