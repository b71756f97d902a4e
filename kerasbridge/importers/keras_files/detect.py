"""Detect which version of Keras wrote a file."""

import re
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files import hdf5
from kerasbridge.importers.source_file import SourceFile

_KERAS1_ARGUMENTS = re.compile(
    r'"(nb_filter|output_dim|border_mode|dim_ordering|inner_activation|input_dtype|subsample)"'
)
_KERAS2_ARGUMENTS = re.compile(r'"(filters|units|kernel_initializer|data_format|recurrent_activation)"')
_YAML = re.compile(rb"^\s*(-\s+)?class_name:", re.MULTILINE)
_KERAS3_ZIP = re.compile(rb"PK\x03\x04.{26}(metadata|config)\.json", re.DOTALL)
_ROOT_ATTRIBUTES = {"layer_names", "layer_names0", "model_config", "nb_layers", "keras_version"}


def detect_version(file: SourceFile) -> int | None:
    """Return 1 or 2 for a file of that version of Keras, None for other files.

    Files of Keras 3 and damaged files count as 2, so that the parser explains the problem.
    """
    head = file.head
    if is_keras3_zip(file):
        return 2
    if hdf5.is_hdf5(file):
        return _hdf5_version(file)
    if is_yaml(file):
        return 2
    if head.lstrip().startswith(b"{") and b'"class_name"' in head:
        recorded = re.search(rb'"keras_version":\s*"(\d)', head)
        return _major_version(recorded[1].decode() if recorded else "", head.decode("utf-8", "replace"))
    return None


def is_keras3_zip(file: SourceFile) -> bool:
    """Return whether a file is a .keras file of Keras 3."""
    return bool(_KERAS3_ZIP.match(file.head))


def is_yaml(file: SourceFile) -> bool:
    """Return whether a file is a model in YAML."""
    return b"\0" not in file.head and bool(_YAML.search(file.head))


def has_keras3_weights(root: Any) -> bool:
    """Return whether an HDF5 file is a .weights.h5 of Keras 3."""
    return bool({"layers", "_layer_checkpoint_dependencies"} & {*root})


def root_attribute(root: Any, name: str) -> str:
    """Return an attribute of the weights in an HDF5 file, or else of the file; the weights can be from another file."""
    return hdf5.text_attribute(weights_group(root), name) or hdf5.text_attribute(root, name)


def weights_group(root: Any) -> Any:
    """Return the group of the weights: the root if the file has only weights."""
    return hdf5.member(root, "model_weights") if "model_weights" in root else root


def _hdf5_version(file: SourceFile) -> int | None:
    try:
        with hdf5.open_file(file) as root:
            if not (_ROOT_ATTRIBUTES & {*root.attrs} or "model_weights" in root or has_keras3_weights(root)):
                return None
            version, config = root_attribute(root, "keras_version"), hdf5.text_attribute(root, "model_config")
            attributes = weights_group(root).attrs
            has_names = "layer_names" in attributes or "layer_names0" in attributes or "nb_layers" in attributes
    except LegacyFileError:
        return 2
    if not version and not config:
        return 1 if has_names else 2
    return _major_version(version, config)


def _major_version(version: str, config: str) -> int:
    """Return the major version from the recorded version, or else from the argument names in the configuration."""
    if version:
        return 1 if version[0] in "01" else 2
    return 1 if _KERAS1_ARGUMENTS.search(config) and not _KERAS2_ARGUMENTS.search(config) else 2
