"""A Keras model of what a reader found, whatever kind of thing that is."""

from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers import building
from kerasbridge.importers.formats import Reading
from kerasbridge.importers.keras_files import description
from kerasbridge.importers.keras_files import making as keras_files
from kerasbridge.importers.network import Network


def make(reading: Reading, model: Any, layout: building.Layout) -> Any:
    """The Keras model.

    Args:
        reading: what the files hold; its content is not None.
        model: the Keras model that takes weights, for files that hold weights alone; else None.
        layout: the order of the axes of images.

    Raises:
        LegacyFileError: the parts of what the files hold do not fit each other.
        ArgumentError: a model is given where none is needed, or is missing where one is.
    """
    match reading.content:
        case Network() as network:
            if model is not None:
                raise ArgumentError(f"Files of {reading.report.format} hold the model too: leave out model=.")
            return building.build(network, layout)
        case description.Model() as described:
            if model is not None:
                raise ArgumentError("These files hold the model too: leave out model=.")
            return keras_files.build(described, layout)
        case description.WeightsAlone() as weights:
            if model is None:
                raise ArgumentError(
                    "These files hold weights alone: type model=, a Keras model of the same layers, or add the .json."
                )
            keras_files.plan(weights, model).apply()
            return model
    raise TypeError(f"{type(reading.content).__name__} is no content that a model is made of.")
