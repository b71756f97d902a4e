"""Parse a file: the configuration of a model, weights, or both."""

import json
from dataclasses import dataclass
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend
from kerasbridge.files.hdf5 import read_attribute
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import detect, hdf5
from kerasbridge.importers.source_file import SourceFile

MAX_CONFIG_BYTES = 16 * 2**20
"""Bytes of a configuration; the largest known have a few hundred thousand."""

Weights = dict[str, dict[str, Array]]
"""The arrays of each layer by their names, by the name of the layer."""


@dataclass
class FileContents:
    """The contents of one file.

    Args:
        file: the file.
        config: the class_name and config of a model; None if the file has no model.
        weights: the weights; None if the file cannot have any.
        keras_version: "" if the file does not record it.
        backend: the backend of Keras; "" if the file does not record it.
        compiled: whether the file has the arguments of `compile`.
    """

    file: SourceFile
    config: dict[str, Any] | None = None
    weights: Weights | None = None
    keras_version: str = ""
    backend: str = ""
    compiled: bool = False


def read_contents(file: SourceFile) -> FileContents:
    """Parse a file.

    Raises:
        LegacyFileError: the file is damaged, or of another version of Keras.
    """
    if detect.is_keras3_zip(file):
        raise LegacyFileError(f"{file.path} is of Keras 3: keras.models.load_model opens it, on every backend.")
    if hdf5.is_hdf5(file):
        return _parse_hdf5(file)
    if detect.is_yaml(file):
        raise LegacyFileError(
            f"{file.path} is YAML, which is not supported: with the Keras that wrote it, "
            "model_from_yaml(…).to_json() returns the same model as JSON."
        )
    return _parse_json_file(file)


def _parse_hdf5(file: SourceFile) -> FileContents:
    with hdf5.open_file(file) as root:
        version = detect.root_attribute(root, "keras_version")
        backend = detect.root_attribute(root, "backend") or hdf5.text_attribute(root, "original_backend")
        if version.startswith("3") or detect.has_keras3_weights(root):
            opens = "load_model opens" if "model_config" in root.attrs else "Model.load_weights reads"
            raise LegacyFileError(f"{file.path} is of Keras 3: keras.models.{opens} it, on every backend.")
        weights = _parse_weights(detect.weights_group(root))
        config_json = hdf5.text_attribute(root, "model_config")
        compiled = "training_config" in root.attrs
    if not weights and not config_json:
        raise LegacyFileError(f"{file.path} has neither a Keras model nor weights.")
    config = _parse_config(config_json, file) if config_json else None
    version = version or (config["keras_version"] if config else "")
    return FileContents(file, config, weights, version, backend.lower(), compiled)


def _parse_weights(group: Any) -> Weights:
    if "nb_layers" in group.attrs:
        return _parse_numbered_weights(group)
    layers = {name: hdf5.member(group, name) for name in hdf5.text_list_attribute(group, "layer_names")}
    return {
        name: {
            weight: hdf5.array(layer, weight)
            for weight in hdf5.text_list_attribute(layer, "weight_names")
            if not weight.endswith("StateVar:0")  # the state of a random generator
        }
        for name, layer in layers.items()
    }


def _parse_numbered_weights(group: Any) -> Weights:
    """Parse the weights of the first Keras 1, which numbers layers and arrays instead of naming them."""
    spend(steps=max(int(read_attribute(group, "nb_layers")), 0))
    names = [f"layer_{index}" for index in range(int(read_attribute(group, "nb_layers")))]
    layers = {name: hdf5.member(group, name) for name in names}
    counts = {name: int(read_attribute(layer, "nb_params")) for name, layer in layers.items()}
    spend(steps=sum(count for count in counts.values() if count > 0))
    return {
        name: {f"param_{index}": hdf5.array(layer, f"param_{index}") for index in range(counts[name])}
        for name, layer in layers.items()
    }


def _parse_json_file(file: SourceFile) -> FileContents:
    if len(file.content) > MAX_CONFIG_BYTES:
        raise LegacyFileError(
            f"{file.path} has {len(file.content):,} bytes: expected at most {MAX_CONFIG_BYTES:,} of JSON."
        )
    config = _parse_config(file.content.decode("utf-8", "replace"), file)
    return FileContents(file, config, None, config["keras_version"], str(config.get("backend", "")).lower())


def _parse_config(text: str, file: SourceFile) -> dict[str, Any]:
    try:
        spend(steps=len(text[:MAX_CONFIG_BYTES]), memory=len(text[:MAX_CONFIG_BYTES]))
        config = json.loads(text[:MAX_CONFIG_BYTES])
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise LegacyFileError(f"{file.path} has a configuration that is not valid JSON: {reason}.") from error
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise LegacyFileError(f"{file.path} has no model in its JSON: expected class_name and config.")
    return {**config, "keras_version": str(config.get("keras_version", ""))}
