"""A Keras model of what a reader found, whatever kind of thing that is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers import building, placing
from kerasbridge.importers.formats import Reading
from kerasbridge.importers.network import Network
from kerasbridge.importers.parameters import Parameters
from kerasbridge.importers.placing.mapping import Word
from kerasbridge.importers.report import Report


def make(reading: Reading, model: Any, layout: building.Layout, mapping: Mapping[str, Word] | None) -> Any:
    """The Keras model.

    Args:
        reading: what the files hold; its content is not None.
        model: the Keras model that takes weights, for files that hold weights alone; else None.
        layout: the order of the axes of images.
        mapping: what layers of that model take, in a person's word.

    Raises:
        LegacyFileError: the parts of what the files hold do not fit each other, or the model.
        ArgumentError: a model is given where none is needed, or is missing where one is.
    """
    match reading.content:
        case Network() as network:
            _refuse_model(reading, model, mapping)
            return building.build(network, layout)
        case Parameters() as parameters:
            if layout != "channels_last":
                raise ArgumentError("The model that is given has its own order of axes: leave out layout=.")
            _planned(reading, parameters, model, mapping).apply()
            return model
    raise TypeError(f"{type(reading.content).__name__} is no content that a model is made of.")


def reported(reading: Reading, model: Any, mapping: Mapping[str, Word] | None) -> Report:
    """The report, with what goes where in a model, which is not changed."""
    if not isinstance(reading.content, Parameters):
        _refuse_model(reading, model, mapping)
        return reading.report
    plan = _planned(reading, reading.content, model, mapping)
    return replace(reading.report, brought=(), mapping=plan.placements, notes=_notes(reading, plan))


def _notes(reading: Reading, plan: placing.Plan) -> tuple[str, ...]:
    return (*reading.report.notes, *plan.notes)


def _refuse_model(reading: Reading, model: Any, mapping: Mapping[str, Word] | None) -> None:
    if model is not None or mapping is not None:
        given = "mapping=" if model is None else "model="
        raise ArgumentError(f"Files of {reading.report.format} hold the model too: leave out {given}.")


def _planned(reading: Reading, parameters: Parameters, model: Any, mapping: Mapping[str, Word] | None) -> placing.Plan:
    if model is None:
        raise ArgumentError(
            f"{parameters.file} holds weights alone: give the Keras model that takes them, model= (--onto "
            f"MODEL.keras). kb.inspect_legacy lists what {reading.report.files[0]} holds."
        )
    return placing.plan(parameters, model, mapping or {})
