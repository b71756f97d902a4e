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
        received = f"a tensor of shape {value.sizes}" if isinstance(value, Tensor) else "no table or object"
        raise LegacyFileError(f"contains no network, but {received}.")
    networks = {path: entry for path, entry in iter_objects(value) if _is_network(entry)}
    for name in NAMES if len(networks) > 1 else ():
        if name in networks:
            networks = {name: networks[name]}
    if len(networks) != 1:
        received = f"{len(networks)} networks, {', '.join(networks)}" if networks else "a table without a network"
        hint = "write it with torch.save('net.t7', checkpoint.NAME)"
        raise LegacyFileError(f"contains {received}: expected one; {hint}.")
    ((path, network),) = networks.items()
    return Module(network, path), path


def _is_network(entry: Object) -> bool:
    if entry.type.endswith("Criterion"):
        return False
    return entry.type.startswith(("nn.", "cudnn.")) or entry.fields.get("modules") is not None
