"""Build a Keras model, or load weights into one, from the content that a reader parsed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers import keras_builder, weight_transfer
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.graph import Graph
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.keras_files import builder as keras_files
from kerasbridge.importers.keras_files import ir
from kerasbridge.importers.report import Report
from kerasbridge.importers.weight_transfer.mapping import MappingValue

UserMapping = Mapping[str, MappingValue] | None


def build_model(
    parsed: ParsedModel, model: Any, data_format: keras_builder.DataFormat, mapping: UserMapping
) -> tuple[Any, Report]:
    """Return the Keras model, and the report with the source of each layer's weights.

    Args:
        parsed: the parsed files; its content is not None.
        model: the Keras model to load weights into, for files that contain only weights; else None.
        data_format: the order of the axes of images.
        mapping: the user's mapping from layers of that model to modules or arrays of the file.

    Raises:
        LegacyFileError: parts of the files do not fit each other, or do not fit the model.
        ArgumentError: a model is passed but not needed, or needed but not passed.
    """
    if _has_only_weights(parsed):
        if data_format != "channels_last":
            raise ArgumentError("data_format does not apply to an existing model: leave out data_format=.")
        plan = _make_plan(parsed, model, mapping)
        plan.apply()
        return model, _report_of(parsed, plan)
    _refuse_model(parsed, model, mapping)
    match parsed.content:
        case Graph() as graph:
            return keras_builder.build(graph, data_format), parsed.report
        case ir.Model() as keras_model:
            return keras_files.build(keras_model, data_format), parsed.report
    raise TypeError(f"No model can be built from a {type(parsed.content).__name__}.")


def report_with_mapping(parsed: ParsedModel, model: Any, mapping: UserMapping) -> Report:
    """Return the report with the source of each layer's weights; the model is not modified."""
    if _has_only_weights(parsed):
        return _report_of(parsed, _make_plan(parsed, model, mapping))
    _refuse_model(parsed, model, mapping)
    return parsed.report


def _has_only_weights(parsed: ParsedModel) -> bool:
    return isinstance(parsed.content, Parameters | ir.WeightsOnly)


def _report_of(parsed: ParsedModel, plan: weight_transfer.Plan) -> Report:
    report = parsed.report
    return replace(report, converted=(), mapping=plan.assignments, notes=(*report.notes, *plan.notes))


def _refuse_model(parsed: ParsedModel, model: Any, mapping: UserMapping) -> None:
    if model is not None or mapping is not None:
        argument = "mapping=" if model is None else "model="
        raise ArgumentError(
            f"The {parsed.report.format} files contain the model: call kb.import_model, and leave out {argument}."
        )


def _make_plan(parsed: ParsedModel, model: Any, mapping: UserMapping) -> weight_transfer.Plan:
    content, file = parsed.content, parsed.report.files[0]
    from_keras = isinstance(content, ir.WeightsOnly)
    if model is None:
        json = ", or the .json file of the model too" if from_keras else ""
        raise ArgumentError(
            f"{file} contains only weights: pass the Keras model to load them into, kb.import_weights(model, …) or "
            f"--onto MODEL.keras{json}. kb.inspect_import lists what {file} contains."
        )
    if from_keras and mapping is not None:
        raise ArgumentError(f"{parsed.report.format} files are matched by the names of layers: leave out mapping=.")
    return keras_files.plan(content, model) if from_keras else weight_transfer.plan(content, model, mapping or {})
