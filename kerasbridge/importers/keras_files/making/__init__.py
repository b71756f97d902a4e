"""A Keras model of a `Model`: layers of Keras 3, stock ones wherever they say it exactly."""

from kerasbridge.importers.keras_files.making.building import build as build
from kerasbridge.importers.keras_files.making.onto import fill as fill
