"""What each file is: a model's configuration, weights, or both; which Keras wrote it, on what."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import hdf5
from kerasbridge.importers.source_file import SourceFile

MAX_CONFIG_BYTES = 64 * 2**20
"""Bytes of a configuration; the longest that are known have a few hundred thousand."""

Weights = dict[str, dict[str, Array]]

_OLD_WORDS = re.compile(r'"(nb_filter|output_dim|border_mode|dim_ordering|inner_activation|input_dtype|subsample)"')
_NEW_WORDS = re.compile(r'"(filters|units|kernel_initializer|data_format|recurrent_activation)"')
_YAML = re.compile(rb"^\s*(-\s+)?class_name:", re.MULTILINE)
_ZIPPED = re.compile(rb"PK\x03\x04.{26}(metadata|config)\.json", re.DOTALL)


@dataclass
class FileContents:
    """What one file holds.

    Args:
        file: it.
        config: the configuration of a model, with its class.
        weights: by the name of each layer its arrays by their names.
        version: of Keras, "" where it is not said.
        backend: what it ran on, "" where it is not said.
        compiled: whether it says how the model was compiled.
    """

    file: SourceFile
    config: dict[str, Any] | None = None
    weights: Weights | None = None
    keras_version: str = ""
    backend: str = ""
    compiled: bool = field(default=False)


def detect_version(file: SourceFile) -> int | None:
    """1 or 2 for a file of that Keras, None for one of neither; what cannot be told, or is of Keras 3, passes for 2."""
    head = file.head
    if _ZIPPED.match(head):
        return 2
    if head.startswith(hdf5.SIGNATURE):
        return _version_within(file)
    if _YAML.search(head) and b"\0" not in head:
        return 2
    if head.lstrip().startswith(b"{") and b'"class_name"' in head:
        said = re.search(rb'"keras_version":\s*"(\d)', head)
        return (1 if said[1] in b"01" else 2) if said else _by_words(head.decode("utf-8", "replace"))
    return None


def _version_within(file: SourceFile) -> int | None:
    try:
        with hdf5.open_file(file) as root:
            if not _is_of_keras(root):
                return None
            said, config = _said(root, "keras_version"), hdf5.text_attribute(root, "model_config")
            group = _weights_group(root)
            has_names = "layer_names" in group.attrs or "layer_names0" in group.attrs or "nb_layers" in group.attrs
    except LegacyFileError:
        return 2
    if said:
        return 1 if said[0] in "01" else 2
    if config:
        return _by_words(config)
    return 1 if has_names else 2


def _by_words(config: str) -> int:
    return 1 if _OLD_WORDS.search(config) and not _NEW_WORDS.search(config) else 2


def _is_of_keras(root: Any) -> bool:
    marks = {"layer_names", "layer_names0", "model_config", "nb_layers", "keras_version"}
    return bool(marks & {*root.attrs}) or "model_weights" in root or _is_weights_of_keras_3(root)


def _is_weights_of_keras_3(root: Any) -> bool:
    return bool({"layers", "_layer_checkpoint_dependencies"} & {*root})


def _said(root: Any, name: str) -> str:
    """An attribute of the file or of its weights; where they differ, of the weights: they may come from elsewhere."""
    return hdf5.text_attribute(_weights_group(root), name) or hdf5.text_attribute(root, name)


def _weights_group(root: Any) -> Any:
    """Where the weights are: in a group of their own beside a model, else at the root."""
    return hdf5.member(root, "model_weights") if "model_weights" in root else root


def read_contents(file: SourceFile) -> FileContents:
    """What a file holds.

    Raises:
        LegacyFileError: it is damaged, or of another Keras.
    """
    if _ZIPPED.match(file.head):
        raise LegacyFileError(f"{file.path} is of Keras 3: keras.models.load_model opens it, on every backend.")
    if file.head.startswith(hdf5.SIGNATURE):
        return _in_hdf5(file)
    if _YAML.search(file.head) and b"\0" not in file.head:
        raise LegacyFileError(
            f"{file.path} is YAML, which is not read: with the Keras that wrote it, "
            "model_from_yaml(…).to_json() gives the same as JSON."
        )
    return _in_json(file)


def _in_hdf5(file: SourceFile) -> FileContents:
    with hdf5.open_file(file) as root:
        said, backend = (
            _said(root, "keras_version"),
            _said(root, "backend") or hdf5.text_attribute(root, "original_backend"),
        )
        if said.startswith("3") or _is_weights_of_keras_3(root):
            opens = "load_model opens" if "model_config" in root.attrs else "Model.load_weights reads"
            raise LegacyFileError(f"{file.path} is of Keras 3: keras.models.{opens} it, on every backend.")
        weights = _weights(_weights_group(root))
        config = hdf5.text_attribute(root, "model_config")
        compiled = "training_config" in root.attrs
    if not weights and not config:
        raise LegacyFileError(f"{file.path} has neither a model of Keras's nor weights of one.")
    parsed = _parsed(config, file) if config else None
    return FileContents(
        file, parsed, weights, said or (parsed or {}).get("keras_version", ""), backend.lower(), compiled
    )


def _weights(group: Any) -> Weights:
    """The arrays of every layer; the oldest files number layers and arrays."""
    if "nb_layers" in group.attrs:
        numbered = [f"layer_{place}" for place in range(int(group.attrs["nb_layers"]))]
        named = {name: hdf5.member(group, name) for name in numbered}
        counts = {name: int(layer.attrs["nb_params"]) for name, layer in named.items()}
        return {
            name: {f"param_{place}": hdf5.array(layer, f"param_{place}") for place in range(counts[name])}
            for name, layer in named.items()
        }
    layers = {name: hdf5.member(group, name) for name in hdf5.text_list_attribute(group, "layer_names")}
    return {
        name: {
            weight: hdf5.array(layer, weight)
            for weight in hdf5.text_list_attribute(layer, "weight_names")
            if not weight.endswith("StateVar:0")  # a generator of random numbers
        }
        for name, layer in layers.items()
    }


def _in_json(file: SourceFile) -> FileContents:
    if len(file.content) > MAX_CONFIG_BYTES:
        raise LegacyFileError(
            f"{file.path} has {len(file.content):,} bytes: expected at most {MAX_CONFIG_BYTES:,} of JSON."
        )
    parsed = _parsed(file.content.decode("utf-8", "replace"), file)
    return FileContents(
        file, parsed, None, str(parsed.get("keras_version", "")), str(parsed.get("backend", "")).lower()
    )


def _parsed(words: str, file: SourceFile) -> dict[str, Any]:
    try:
        parsed = json.loads(words[:MAX_CONFIG_BYTES])
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise LegacyFileError(f"{file.path} has a configuration that is no JSON: {why}.") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("class_name"), str) or "config" not in parsed:
        raise LegacyFileError(f"{file.path} has no model in its JSON: expected a class_name and its config.")
    return {**parsed, "keras_version": str(parsed.get("keras_version", ""))}
