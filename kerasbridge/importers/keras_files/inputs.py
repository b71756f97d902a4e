"""What is fed to a model: the layers that say it, and how they name themselves."""

import re
from collections.abc import Mapping
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.ir import Input

MODEL_CLASSES = ("Sequential", "Model", "Functional", "Graph")
"""Classes that are models; the last is of Keras 0."""


def parse_input_layer(config: Mapping[str, Any]) -> Input:
    """What an InputLayer says."""
    if config.get("ragged"):
        raise LegacyFileError(f"the input {config.get('name')!r} is ragged, which is not brought")
    shape = parse_shape(config.get("batch_input_shape") or config["batch_shape"])
    return Input(str(config["name"]), shape, _dtype(config))


def implied_inputs(entry: Mapping[str, Any]) -> tuple[Input, ...] | None:
    """What is fed to a layer that begins a model, as it says it itself; None where it does not."""
    kind, config = entry["class_name"], entry["config"]
    if isinstance(config.get("batch_input_shape"), list):
        return (Input("input", parse_shape(config["batch_input_shape"]), _dtype(config)),)
    if config.get("input_shape") is not None:
        return (Input("input", (None, *parse_shape(config["input_shape"])), _dtype(config)),)
    if config.get("input_dim") is not None and kind != "Embedding":
        length = (config.get("input_length"),) if "input_length" in config else ()
        return (Input("input", (None, *length, config["input_dim"])),)
    if kind in ("TimeDistributed", "Bidirectional"):
        return implied_inputs(config["layer"])
    return None


def _dtype(config: Mapping[str, Any]) -> str:
    said = config.get("input_dtype") or config.get("dtype")
    return said if isinstance(said, str) and re.fullmatch(r"(float|int|uint)\d+|bool", said) else "float32"


def parse_shape(said: Any) -> tuple[int | None, ...]:
    shape = tuple(said)
    if not all(size is None or (type(size) is int and 0 < size < 2**31) for size in shape) or len(shape) > 8:
        raise LegacyFileError(f"has an input of the shape {said!r}, which none can have")
    return shape


def layer_name(kind: str, config: Any) -> Any:
    return config.get("name") if isinstance(config, dict) else ""


def with_name(config: Any, name: str) -> Any:
    return {**config, "name": name} if isinstance(config, dict) else config


def normalize_entry(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry as all but the first of Keras 1 wrote it, whose configuration is the entry, its name the class."""
    if "class_name" in entry:
        return entry
    return {"class_name": entry["name"], "config": {**entry, "name": entry.get("custom_name")}}
