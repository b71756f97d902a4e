"""Variables alone: of a checkpoint without its graph, or of any files, for a model that is given."""

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
_NOTE = "weights alone: model= takes them, of a Keras model of the same layers"


def read_weights(found: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    """The variables of layers, by their names; those that train or count are left out.

    Raises:
        LegacyFileError: there are none, or they are damaged.
    """
    bundle = found.bundle
    assert bundle is not None
    bundle.expect_data()
    is_tracked = OBJECT_GRAPH_KEY in bundle.names
    keys = variable_entries(bundle) if is_tracked else _layer_keys(bundle)
    weights, others = _split_variables([Parameter(name, bundle.read(key)) for name, key in keys.items()])
    if not weights:
        raise LegacyFileError("holds no variables that could be weights of layers.")
    rest = [key for key in bundle.names if key not in keys.values() and key != OBJECT_GRAPH_KEY]
    brought = tuple(LayerReport(one.name, describe_array(one.array)) for one in weights)
    names = tuple(file.name for file in files)
    report = Report("tensorflow", names, "", (), (), brought, skipped=(*_skipped(rest), *others), notes=(_NOTE,))
    return ParsedModel(report, _parameters(str(found.path), weights, is_tracked))


def _split_variables(variables: Sequence[Parameter]) -> tuple[list[Parameter], list[LayerReport]]:
    """Those that can be weights, and the others: of a layer that counts, as Normalization does, all are of data."""
    weights, others = split_weights(variables)
    counting = {one.layer.rpartition("/")[0] for one in others if one.layer.endswith("/count")}
    of_data = [one for one in weights if one.name.rpartition("/")[0] in counting]
    left = {one.name for one in of_data}
    entries = (
        LayerReport(one.name, describe_array(one.array), "found in data, no weight of a layer") for one in of_data
    )
    return [one for one in weights if one.name not in left], [*others, *entries]


def _layer_keys(bundle: TensorBundle) -> dict[str, str]:
    """The variables of TensorFlow 1's layers, in the order of their names."""
    names = {name for name in bundle.names if bundle.is_read(name)}
    return {name: name for name in variable_scopes.layer_variables(names) if bundle.shape(name)}


def _skipped(keys: Sequence[str]) -> list[LayerReport]:
    if not keys:
        return []
    more = f" and {len(keys) - _MAX_SHOWN} more" if len(keys) > _MAX_SHOWN else ""
    return [LayerReport("optimizer, counters", f"{len(keys)} variables", f"{', '.join(keys[:_MAX_SHOWN])}{more}")]


def _parameters(file: str, weights: Sequence[Parameter], ordered: bool) -> Parameters:
    groups = variable_scopes.group_by_layer(weights)
    numbered = all(variable_scopes.is_numbered(one.name) for one in weights)
    loose = () if groups else tuple(weights)
    return Parameters(file, "tensorflow", loose, groups, ordered or numbered)
