"""The files of one model: its graph, which of the graph's values are asked for, and its variables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.detect import Kind, kind
from kerasbridge.importers.tensorflow.schema import parsed
from kerasbridge.importers.tensorflow.tensor_bundle import Bundle

_EXPECTED = "a SavedModel's folder, a frozen graph, or a checkpoint's .meta, .index and .data"


@dataclass(frozen=True)
class Opened:
    """What the files hold.

    Args:
        path: the file or folder that errors name.
        graph: a GraphDef; None where there are variables alone.
        signatures: by name which inputs and outputs one may ask for.
        bundle: the variables, if they are in files of their own.
        folder: that of a SavedModel.
        objects: the SavedObjectGraph of one of TensorFlow 2.
    """

    path: Path
    graph: Any
    signatures: dict[str, Any]
    bundle: Bundle | None
    folder: Path | None = None
    objects: Any = None


def opened(files: Sequence[SourceFile]) -> Opened:
    """Open the files.

    Raises:
        LegacyFileError: they are not those of one model, or damaged.
    """
    found: dict[Kind, SourceFile] = {}
    for file in files:
        one = kind(file)
        if one is None or (one in found and one is not Kind.SHARD):
            named = ", ".join(str(file.path) for file in files)
            raise LegacyFileError(f"Expected {_EXPECTED}, received {named}.")
        found[one] = file
    for one, file in found.items():
        if one is Kind.FOLDER:
            return _folder(file.path)
        if one is Kind.SAVED_MODEL:
            return _saved_model(file.path.absolute().parent)
        if one is Kind.CHECKPOINT:
            return _checkpoint(_latest(file), None)
    prefix = next((_prefix(found[one]) for one in (Kind.INDEX, Kind.SHARD, Kind.META_GRAPH) if one in found), None)
    graph = found.get(Kind.GRAPH)
    if graph is not None:
        bundle = Bundle(prefix) if prefix else None
        return Opened(graph.path, parsed("GraphDef", graph.content, graph.path), {}, bundle)
    assert prefix is not None
    return _checkpoint(prefix, found.get(Kind.META_GRAPH))


def _prefix(file: SourceFile) -> Path:
    """The common path of a checkpoint's files."""
    return Path(re.sub(r"\.(meta|index|data-\d{5}-of-\d{5})$", "", str(file.path)))


def _folder(path: Path) -> Opened:
    if (path / "saved_model.pb").is_file():
        return _saved_model(path)
    return _checkpoint(_latest(SourceFile(path / "checkpoint")), None)


def _latest(file: SourceFile) -> Path:
    """The checkpoint that a file named checkpoint names, which lies beside it."""
    name = re.search(r'^model_checkpoint_path: "([^"\n]*)"', file.content.decode("utf-8", "replace"), re.MULTILINE)
    if name is None:
        raise LegacyFileError(f"{file.path} names no checkpoint.")
    return file.path.absolute().parent / Path(name[1].replace("\\", "/")).name


def _saved_model(folder: Path) -> Opened:
    file = SourceFile(folder / "saved_model.pb")
    graphs = parsed("SavedModel", file.content, file.path).meta_graphs
    if not graphs:
        raise LegacyFileError(f"{file.path} has no graph.")
    meta = next((graph for graph in graphs if list(graph.meta_info_def.tags) == ["serve"]), None)
    meta = meta or next((graph for graph in graphs if "serve" in graph.meta_info_def.tags), graphs[0])
    prefix = folder / "variables" / "variables"
    bundle = Bundle(prefix) if prefix.with_suffix(".index").is_file() else None
    return Opened(folder, meta.graph_def, _signatures(meta), bundle, folder, meta.object_graph_def)


def _checkpoint(prefix: Path, meta: SourceFile | None) -> Opened:
    """A checkpoint with its graph, where there is one beside it."""
    beside = Path(f"{prefix}.meta")
    if meta is None and beside.is_file():
        meta = SourceFile(beside)
    bundle = Bundle(prefix) if meta is None or Path(f"{prefix}.index").is_file() else None
    if meta is None:
        return Opened(Path(f"{prefix}.index"), None, {}, bundle)
    message = parsed("MetaGraphDef", meta.content, meta.path)
    return Opened(meta.path, message.graph_def, _signatures(message), bundle)


def _signatures(meta: Any) -> dict[str, Any]:
    """By name those that say what comes out."""
    return {entry.key: entry.value for entry in meta.signature_def if entry.value.outputs}
