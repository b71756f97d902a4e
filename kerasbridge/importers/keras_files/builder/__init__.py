"""Keras models: of a `Model` a new one, of stock layers wherever they say it; and `WeightsAlone` onto one."""

from kerasbridge.importers.keras_files.builder.build import build as build
from kerasbridge.importers.keras_files.builder.into_model import plan as plan
