"""Weights alone onto a Keras model that someone gives: layer by layer, by name or else in order, as Keras did it."""

from typing import Any

def fill(model: Any, weights: Any, layout: str) -> Any: ...
