"""The metadata of Keras 2 objects in a SavedModel: the class and configuration of each, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.parser import MAX_CONFIG_BYTES
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.object_graph import ObjectTree
from kerasbridge.importers.tensorflow.schema import parse_message

_FILE = "keras_metadata.pb"
_MODELS = ("_tf_keras_sequential", "_tf_keras_model", "_tf_keras_network")


@dataclass(frozen=True)
class KerasMetadata:
    """The JSON of each object, by its index among the objects."""

    texts: Mapping[int, bytes]

    def config(self, index: int) -> dict[str, Any]:
        """Return the metadata of an object.

        Raises:
            LegacyFileError: the object has none, or it is not valid JSON.
        """
        text = self.texts.get(index, b"")
        if not text or len(text) > MAX_CONFIG_BYTES:
            raise LegacyFileError(f"object {index} has no metadata.")
        try:
            config = _without_tuples(json.loads(text))
        except ValueError as error:
            raise LegacyFileError(f"the metadata of object {index} is not valid JSON ({error}).") from error
        if not isinstance(config, dict):
            raise LegacyFileError(f"the metadata of object {index} is not a configuration.")
        return config


def read_metadata(folder: Path, tree: ObjectTree) -> KerasMetadata | None:
    """Return the metadata of all objects of a SavedModel; None if object 0 is not a Keras model.

    Raises:
        LegacyFileError: the metadata is missing or damaged.
    """
    if not tree.nodes or tree.nodes[0].user_object.identifier not in _MODELS:
        return None
    path = folder / _FILE
    if path.is_file():
        file = SourceFile(path)
        return KerasMetadata(
            {node.node_id: node.metadata for node in parse_message("KerasMetadata", file.content, _FILE).nodes}
        )
    texts = {index: node.user_object.metadata for index, node in enumerate(tree.nodes) if node.user_object.metadata}
    if not texts:
        raise LegacyFileError(f"{_FILE}, which contains them, is missing.")
    return KerasMetadata(texts)


def _without_tuples(value: Any) -> Any:
    """Return a JSON value with lists in place of tuples and shapes, which Keras encodes as objects."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
            return [_without_tuples(item) for item in value["items"]]
        return {name: _without_tuples(item) for name, item in value.items()}
    return [_without_tuples(item) for item in value] if isinstance(value, list) else value
