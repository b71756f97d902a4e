"""Keras models: of a `Model` a new one, of stock layers where they say it exactly; `WeightsAlone` onto one that is there."""

from kerasbridge.importers.keras_files.making.building import build as build
from kerasbridge.importers.keras_files.making.onto import plan as plan
