"""Locate the network in a file that may contain more, such as a training checkpoint."""

from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.torch7.lua_objects import Object, Table, Tensor, iter_objects
from kerasbridge.importers.torch7.module import Module

NAMES = ("model", "net", "network", "cnn", "netG", "modelG")
"""Usual keys of networks in checkpoints, the most reliable first."""


def locate_network(value: Any) -> tuple[Module, str]:
    """Return the network and its path in the file, "" if the file contains only the network.

    Raises:
        LegacyFileError: there is no network, or there are several without a usual key.
    """
    if isinstance(value, Object):
        return Module(value), ""
    if not isinstance(value, Table):
        what = f"a tensor of shape {value.sizes}" if isinstance(value, Tensor) else "no table or object"
        raise LegacyFileError(f"contains no network, but {what}.")
    found = {path: one for path, one in iter_objects(value) if _is_network(one)}
    for name in NAMES if len(found) > 1 else ():
        if name in found:
            found = {name: found[name]}
    if len(found) != 1:
        several = f"{len(found)} networks, {', '.join(found)}" if found else "a table without a network"
        raise LegacyFileError(f"contains {several}: expected one; write it with torch.save('net.t7', checkpoint.NAME).")
    ((path, network),) = found.items()
    return Module(network, path), path


def _is_network(found: Object) -> bool:
    if found.type.endswith("Criterion"):
        return False
    return found.type.startswith(("nn.", "cudnn.")) or found.fields.get("modules") is not None
