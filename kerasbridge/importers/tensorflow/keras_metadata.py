"""What Keras 2 noted of its objects in a SavedModel: for each a class and a configuration, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.detect import MAX_CONFIG_BYTES
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.object_graph import ObjectTree
from kerasbridge.importers.tensorflow.schema import parse_message

_FILE = "keras_metadata.pb"
_MODELS = ("_tf_keras_sequential", "_tf_keras_model", "_tf_keras_network")


@dataclass(frozen=True)
class KerasMetadata:
    """The JSON of each object, by its place among the objects."""

    texts: Mapping[int, bytes]

    def of(self, place: int) -> dict[str, Any]:
        """What is noted of an object.

        Raises:
            LegacyFileError: nothing, or it is no JSON.
        """
        text = self.texts.get(place, b"")
        if not text or len(text) > MAX_CONFIG_BYTES:
            raise LegacyFileError(f"nothing is noted of object {place}.")
        try:
            found = _without_tuples(json.loads(text))
        except ValueError as error:
            raise LegacyFileError(f"what is noted of object {place} is no JSON ({error}).") from error
        if not isinstance(found, dict):
            raise LegacyFileError(f"what is noted of object {place} is no configuration.")
        return found


def read_metadata(folder: Path, tree: ObjectTree) -> KerasMetadata | None:
    """All notes of a SavedModel; None where object 0 is no model of Keras's.

    Raises:
        LegacyFileError: they are missing or damaged.
    """
    if not tree.nodes or tree.nodes[0].user_object.identifier not in _MODELS:
        return None
    path = folder / _FILE
    if path.is_file():
        file = SourceFile(path)
        return KerasMetadata(
            {one.node_id: one.metadata for one in parse_message("KerasMetadata", file.content, _FILE).nodes}
        )
    texts = {place: node.user_object.metadata for place, node in enumerate(tree.nodes) if node.user_object.metadata}
    if not texts:
        raise LegacyFileError(f"{_FILE}, where they are written, is missing.")
    return KerasMetadata(texts)


def _without_tuples(value: Any) -> Any:
    """Tuples and shapes, for which JSON has no words, as lists."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
            return [_without_tuples(one) for one in value["items"]]
        return {name: _without_tuples(one) for name, one in value.items()}
    return [_without_tuples(one) for one in value] if isinstance(value, list) else value
