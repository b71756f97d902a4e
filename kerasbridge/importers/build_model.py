"""A Keras model of what a reader found, whatever kind of thing that is."""

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
    """The Keras model, and the report with what went where in it.

    Args:
        reading: what the files hold; its content is not None.
        model: the Keras model that takes weights, for files that hold weights alone; else None.
        data_format: the order of the axes of images.
        mapping: what layers of that model take, in a person's word.

    Raises:
        LegacyFileError: the parts of what the files hold do not fit each other, or the model.
        ArgumentError: a model is given where none is needed, or is missing where one is.
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
    """The report, with what goes where in a model, which is not changed."""
    if not _holds_weights_alone(reading):
        _refuse_model(reading, model, mapping)
        return reading.report
    return _with_plan(reading, _planned(reading, model, mapping))


def _with_plan(reading: ParsedModel, plan: weight_transfer.Plan) -> Report:
    return replace(reading.report, converted=(), mapping=plan.placements, notes=(*reading.report.notes, *plan.notes))


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
