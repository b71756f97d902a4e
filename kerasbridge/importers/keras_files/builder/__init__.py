"""Build a Keras model from a `Model`, or load `WeightsOnly` into an existing one."""

from kerasbridge.importers.keras_files.builder.build import build as build
from kerasbridge.importers.keras_files.builder.into_model import plan as plan
