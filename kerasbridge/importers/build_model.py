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


def build_model(
    reading: ParsedModel, model: Any, data_format: keras_builder.DataFormat, mapping: Mapping[str, MappingValue] | None
) -> tuple[Any, Report]:
    """Return the Keras model, and the report with the source of each layer's weights.

    Args:
        reading: the parsed files; its content is not None.
        model: the Keras model to load weights into, for files that contain only weights; else None.
        data_format: the order of the axes of images.
        mapping: the user's mapping from layers of that model to modules or arrays of the file.

    Raises:
        LegacyFileError: parts of the files do not fit each other, or do not fit the model.
        ArgumentError: a model is given but not needed, or needed but not given.
    """
    if _holds_weights_alone(reading):
        if data_format != "channels_last":
            raise ArgumentError("The model that is given has its own order of axes: leave out data_format=.")
        plan = _planned(reading, model, mapping)
        plan.apply()
        return model, _with_plan(reading, plan)
    _refuse_model(reading, model, mapping)
    match reading.content:
        case Graph() as network:
            return keras_builder.build(network, data_format), reading.report
        case ir.Model() as described:
            return keras_files.build(described, data_format), reading.report
    raise TypeError(f"{type(reading.content).__name__} is no content that a model is made of.")


def report_with_mapping(reading: ParsedModel, model: Any, mapping: Mapping[str, MappingValue] | None) -> Report:
    """Return the report with the source of each layer's weights; the model is not modified."""
    if not _holds_weights_alone(reading):
        _refuse_model(reading, model, mapping)
        return reading.report
    return _with_plan(reading, _planned(reading, model, mapping))


def _with_plan(reading: ParsedModel, plan: weight_transfer.Plan) -> Report:
    return replace(reading.report, converted=(), mapping=plan.assignments, notes=(*reading.report.notes, *plan.notes))


def _holds_weights_alone(reading: ParsedModel) -> bool:
    return isinstance(reading.content, Parameters | ir.WeightsAlone)


def _refuse_model(reading: ParsedModel, model: Any, mapping: Mapping[str, MappingValue] | None) -> None:
    if model is not None or mapping is not None:
        given = "mapping=" if model is None else "model="
        raise ArgumentError(f"Files of {reading.report.format} hold the model too: leave out {given}.")


def _planned(reading: ParsedModel, model: Any, mapping: Mapping[str, MappingValue] | None) -> weight_transfer.Plan:
    content, file = reading.content, reading.report.files[0]
    of_keras = isinstance(content, ir.WeightsAlone)
    if model is None:
        also = ", or the .json of the model beside it" if of_keras else ""
        raise ArgumentError(
            f"{file} holds weights alone: give the Keras model that takes them, model= (--onto MODEL.keras){also}. "
            f"kb.inspect_legacy lists what {file} holds."
        )
    if of_keras and mapping is not None:
        raise ArgumentError(f"Files of {reading.report.format} go by the names of layers: leave out mapping=.")
    return keras_files.plan(content, model) if of_keras else weight_transfer.plan(content, model, mapping or {})
