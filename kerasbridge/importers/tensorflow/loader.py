"""Open the files of one model: its graph, the signatures of the graph, and its variables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.detect import FileKind, detect_kind
from kerasbridge.importers.tensorflow.schema import parse_message
from kerasbridge.importers.tensorflow.tensor_bundle import TensorBundle

_CHECKPOINT_SUFFIX = re.compile(r"\.(meta|index|data-\d{5}-of-\d{5})$")
_EXPECTED = "a SavedModel's folder, a frozen graph, or a checkpoint's .meta, .index and .data"


@dataclass(frozen=True)
class ModelFiles:
    """The contents of the files.

    Args:
        path: the file or folder that errors name.
        graph: a GraphDef; None if there are only variables.
        signatures: SignatureDefs by name.
        bundle: the variables, if they are in separate files.
        folder: of a SavedModel.
        objects: the SavedObjectGraph of a TensorFlow 2 SavedModel.
    """

    path: Path
    graph: Any
    signatures: dict[str, Any]
    bundle: TensorBundle | None
    folder: Path | None = None
    objects: Any = None


def open_files(files: Sequence[SourceFile]) -> ModelFiles:
    """Open the files.

    Raises:
        LegacyFileError: they are not the files of one model, or are damaged.
    """
    by_kind: dict[FileKind, SourceFile] = {}
    for file in files:
        kind = detect_kind(file)
        if kind is None or (kind in by_kind and kind is not FileKind.SHARD):
            paths = ", ".join(str(file.path) for file in files)
            raise LegacyFileError(f"Expected {_EXPECTED}, received {paths}.")
        by_kind[kind] = file
    for kind, file in by_kind.items():
        if kind is FileKind.FOLDER:
            return _open_folder(file.path)
        if kind is FileKind.SAVED_MODEL:
            return _open_saved_model(file.path.absolute().parent)
        if kind is FileKind.CHECKPOINT:
            return _open_checkpoint(_latest_checkpoint(file), None)
    parts = [by_kind[kind].path for kind in (FileKind.INDEX, FileKind.SHARD, FileKind.META_GRAPH) if kind in by_kind]
    prefix = Path(_CHECKPOINT_SUFFIX.sub("", str(parts[0]))) if parts else None
    graph = by_kind.get(FileKind.GRAPH)
    if graph is not None:
        bundle = TensorBundle(prefix) if prefix else None
        return ModelFiles(graph.path, parse_message("GraphDef", graph.content, graph.path), {}, bundle)
    assert prefix is not None
    return _open_checkpoint(prefix, by_kind.get(FileKind.META_GRAPH))


def _open_folder(path: Path) -> ModelFiles:
    if (path / "saved_model.pb").is_file():
        return _open_saved_model(path)
    return _open_checkpoint(_latest_checkpoint(SourceFile(path / "checkpoint")), None)


def _latest_checkpoint(file: SourceFile) -> Path:
    """Return the checkpoint that a file named "checkpoint" names; it is in the same folder."""
    name = re.search(r'^model_checkpoint_path: "([^"\n]*)"', file.content.decode("utf-8", "replace"), re.MULTILINE)
    if name is None:
        raise LegacyFileError(f"{file.path} names no checkpoint.")
    return file.path.absolute().parent / Path(name[1].replace("\\", "/")).name


def _open_saved_model(folder: Path) -> ModelFiles:
    file = SourceFile(folder / "saved_model.pb")
    graphs = parse_message("SavedModel", file.content, file.path).meta_graphs
    if not graphs:
        raise LegacyFileError(f"{file.path} has no graph.")
    meta = next((graph for graph in graphs if list(graph.meta_info_def.tags) == ["serve"]), None)
    meta = meta or next((graph for graph in graphs if "serve" in graph.meta_info_def.tags), graphs[0])
    prefix = folder / "variables" / "variables"
    bundle = TensorBundle(prefix) if prefix.with_suffix(".index").is_file() else None
    return ModelFiles(folder, meta.graph_def, _signatures(meta), bundle, folder, meta.object_graph_def)


def _open_checkpoint(prefix: Path, meta: SourceFile | None) -> ModelFiles:
    """Open a checkpoint, with its graph if there is a .meta file next to it."""
    path = Path(f"{prefix}.meta")
    if meta is None and path.is_file():
        meta = SourceFile(path)
    bundle = TensorBundle(prefix) if meta is None or Path(f"{prefix}.index").is_file() else None
    if meta is None:
        return ModelFiles(Path(f"{prefix}.index"), None, {}, bundle)
    message = parse_message("MetaGraphDef", meta.content, meta.path)
    return ModelFiles(meta.path, message.graph_def, _signatures(message), bundle)


def _signatures(meta: Any) -> dict[str, Any]:
    """Return the signatures that have outputs, by name."""
    return {entry.key: entry.value for entry in meta.signature_def if entry.value.outputs}
