"""The inputs of a model, and the names of its layers, in the configuration."""

import re
from collections.abc import Mapping
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.ir import Input

MODEL_CLASSES = ("Sequential", "Model", "Functional", "Graph")
"""Classes of models; the last is of Keras 0."""


def parse_input_layer(config: Mapping[str, Any]) -> Input:
    """Return the input of an InputLayer."""
    if config.get("ragged"):
        raise LegacyFileError(f"the input {config.get('name')!r} is ragged, which is not supported")
    shape = parse_shape(config.get("batch_input_shape") or config["batch_shape"])
    return Input(str(config["name"]), shape, _dtype(config))


def inferred_inputs(entry: Mapping[str, Any]) -> tuple[Input, ...] | None:
    """Return the input of the first layer of a model from its own arguments; None if they do not give it."""
    kind, config = entry["class_name"], entry["config"]
    if isinstance(config.get("batch_input_shape"), list):
        return (Input("input", parse_shape(config["batch_input_shape"]), _dtype(config)),)
    if config.get("input_shape") is not None:
        return (Input("input", (None, *parse_shape(config["input_shape"])), _dtype(config)),)
    if config.get("input_dim") is not None and kind != "Embedding":
        length = (config.get("input_length"),) if "input_length" in config else ()
        return (Input("input", (None, *length, config["input_dim"])),)
    if kind in ("TimeDistributed", "Bidirectional"):
        return inferred_inputs(config["layer"])
    return None


def _dtype(config: Mapping[str, Any]) -> str:
    dtype = config.get("input_dtype") or config.get("dtype")
    return dtype if isinstance(dtype, str) and re.fullmatch(r"(float|int|uint)\d+|bool", dtype) else "float32"


def parse_shape(sizes: Any) -> tuple[int | None, ...]:
    """Return a shape in the configuration as a tuple; raise if it is invalid."""
    shape = tuple(sizes)
    if not all(size is None or (type(size) is int and 0 < size < 2**31) for size in shape) or len(shape) > 8:
        raise LegacyFileError(f"has an invalid input shape {sizes!r}")
    return shape


def layer_name(config: Any) -> Any:
    """Return the name in a layer's configuration, which is a list for a Keras 1 Sequential."""
    return config.get("name") if isinstance(config, dict) else ""


def check_name(name: Any) -> str:
    """Return the name of a layer; raise if it is not text."""
    if not isinstance(name, str):
        raise LegacyFileError(f"has a layer whose name is not text: {str(name)[:40]}")
    return name


def with_name(config: Any, name: str) -> Any:
    """Return the configuration with this name."""
    return {**config, "name": name} if isinstance(config, dict) else config


def normalize_entry(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry with class_name and config; in the first Keras 1 it was the config, its name the class."""
    if "class_name" in entry:
        return entry
    return {"class_name": entry["name"], "config": {**entry, "name": entry.get("custom_name")}}
