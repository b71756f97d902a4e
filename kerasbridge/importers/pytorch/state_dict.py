"""The state_dict among what a file of `torch.save` holds."""

from typing import Any

from kerasbridge.importers.io.pickles import GlobalRef, InertObject, PersistentId
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameter
from kerasbridge.importers.pytorch.dtypes import strided_tensor
from kerasbridge.importers.pytorch.torch_zip import FindStorage

STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
"""Where checkpoints keep the state_dict of their model, by custom."""

MAX_DEPTH = 200


def find_state_dict(read: tuple[Any, FindStorage]) -> tuple[list[Parameter], list[str]]:
    """The tensors by their names, in order, and what to say of where they were found.

    Raises:
        ValueError: what the file is instead, to follow its name and "is".
    """
    value, storages = read
    if (
        isinstance(value, InertObject)
        and isinstance(value.factory, GlobalRef)
        and value.factory.module.startswith("__torch__")
    ):
        return _attributes("", value, storages, 0), [
            "an archive of TorchScript: its weights are taken, not its program"
        ]
    found, where = _state_dict(value)
    return [Parameter(name, _array(name, made, storages)) for name, made in _tensors(found)], where


def _state_dict(value: Any) -> tuple[dict[Any, Any], list[str]]:
    """The dict of tensors, and the key that it was found by."""
    _refuse_modules(value, "")
    entries = dict_entries(value)
    if entries is None:
        raise ValueError("a file that holds no state_dict: save one by torch.save(model.state_dict(), path)")
    if any(True for _ in _tensors(entries)):
        return entries, []
    inner = {str(key): found for key, one in entries.items() if (found := dict_entries(one)) is not None}
    held = [key for key, found in inner.items() if any(True for _ in _tensors(found))]
    key = next((key for key in STATE_DICT_KEYS if key in held), held[0] if len(held) == 1 else None)
    if key is not None:
        return inner[key], [f'a checkpoint: the state_dict is its "{key}"']
    for name, one in entries.items():
        _refuse_modules(one, f' under the key "{name}"')
    if held:
        raise ValueError(f"a checkpoint with several state_dicts, {', '.join(held)}: save the one that is wanted alone")
    raise ValueError("a file without tensors by name: expected what torch.save(model.state_dict(), path) writes")


def dict_entries(value: Any) -> dict[Any, Any] | None:
    """The entries of a dict or an OrderedDict; Python 2 gives the latter's as its first argument."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, InertObject) or not isinstance(value.factory, GlobalRef):
        return None
    if value.factory.name not in ("OrderedDict", "dict", "defaultdict"):
        return None
    first = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else []
    pairs = [pair for pair in first if isinstance(pair, list | tuple) and len(pair) == 2] if _is_row(first) else []
    return {**{key: one for key, one in pairs if isinstance(key, str)}, **value.entries}


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _refuse_modules(value: Any, where: str) -> None:
    state = value.state if isinstance(value, InertObject) else None
    if isinstance(state, dict) and "_modules" in state and isinstance(value.factory, GlobalRef):
        raise ValueError(
            f"a whole pickled module, {value.factory}{where}, which only its own program can open: in that program "
            "type torch.save(model.state_dict(), path), and give the new file"
        )


def _tensors(entries: dict[Any, Any]) -> Any:
    """The names and descriptions of tensors; what else is among them, as `_metadata`, is passed over."""
    return ((str(name), one) for name, one in entries.items() if _is_tensor(one))


def _is_tensor(made: Any) -> bool:
    name = made.factory.name if isinstance(made, InertObject) and isinstance(made.factory, GlobalRef) else ""
    return name.startswith(("_rebuild_", "rebuild_")) or name == "_rebuild_from_type_v2"


def _attributes(name: str, module: InertObject, storages: FindStorage, depth: int) -> list[Parameter]:
    """The tensors of a module of TorchScript and of those in it."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply to be a model")
    found = []
    for key, one in module.state.items() if isinstance(module.state, dict) else ():
        at = f"{name}.{key}" if name else str(key)
        if _is_tensor(one):
            found.append(Parameter(at, _array(at, one, storages)))
        elif isinstance(one, InertObject):
            found += _attributes(at, one, storages, depth + 1)
    return found


def _array(name: str, made: InertObject, storages: FindStorage) -> Array:
    """A tensor as torch would rebuild it."""
    arguments = made.arguments if isinstance(made.arguments, tuple) else ()
    kind = made.factory.name
    if kind in ("_rebuild_parameter", "_rebuild_parameter_with_state") and arguments and _is_tensor(arguments[0]):
        inner: InertObject = arguments[0]
        if inner.factory.name.startswith("_rebuild_parameter"):
            raise ValueError(f"damaged: {name} is a parameter of a parameter")
        return _array(name, inner, storages)
    if kind not in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3") or len(arguments) < 4:
        raise ValueError(
            f"a file whose tensor {name} is of a kind that is not read here: torch would call {made.factory}"
        )
    storage, offset, sizes, strides = arguments[:4]
    if not isinstance(storage, PersistentId):
        raise ValueError(f"damaged: tensor {name} has no storage")
    if kind == "_rebuild_tensor_v3":
        raise ValueError(f"a file whose tensor {name} has numbers of type {_type(arguments)}, which NumPy has not")
    sizes = sizes.arguments[0] if isinstance(sizes, InertObject) and sizes.arguments else sizes  # torch.Size
    return strided_tensor(storages(storage.value), offset, sizes, strides)


def _type(arguments: tuple[Any, ...]) -> str:
    return str(next((one for one in arguments[4:] if isinstance(one, GlobalRef)), "unknown"))
