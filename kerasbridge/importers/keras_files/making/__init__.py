"""Keras models: of a `Model` a new one, of stock layers wherever they say it; and `WeightsAlone` onto one."""

from kerasbridge.importers.keras_files.making.building import build as build
from kerasbridge.importers.keras_files.making.onto import plan as plan
