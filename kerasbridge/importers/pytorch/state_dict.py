"""Find the state_dict in the content of a `torch.save` file."""

from typing import Any

from kerasbridge.files.budget import spend
from kerasbridge.importers.io.pickles import GlobalRef, InertObject, PersistentId
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameter
from kerasbridge.importers.pytorch.dtypes import strided_tensor
from kerasbridge.importers.pytorch.torch_zip import FindStorage

STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
"""Keys under which checkpoints commonly store the state_dict of their model."""

MAX_DEPTH = 200


def find_state_dict(content: Any, find_storage: FindStorage) -> tuple[list[Parameter], list[str]]:
    """Return the tensors of the state_dict, in order, and notes on the kind of file.

    Args:
        content: the value of the pickle.
        find_storage: returns the storage of a persistent id.

    Raises:
        ValueError: there is no state_dict; the message is a phrase that follows "FILE is".
    """
    factory = _factory(content)
    if factory is not None and factory.module.startswith("__torch__"):
        parameters = _module_tensors("", content, find_storage, 0)
        return parameters, ["a TorchScript archive: its weights are used, not its program"]
    entries, notes = _state_dict(content)  # other entries than tensors, such as `_metadata`, are skipped
    tensors = [(str(name), value) for name, value in entries.items() if _is_tensor(value)]
    return [Parameter(name, _to_array(name, tensor, find_storage)) for name, tensor in tensors], notes


def _factory(value: Any) -> GlobalRef | None:
    """Return the class or function that would create an object of the pickle."""
    return value.factory if isinstance(value, InertObject) and isinstance(value.factory, GlobalRef) else None


def _state_dict(content: Any) -> tuple[dict[Any, Any], list[str]]:
    """Return the dict of tensors, and a note on its key in a checkpoint."""
    _refuse_module(content)
    entries = dict_entries(content)
    if entries is None:
        raise ValueError("a file that contains no state_dict: save one by torch.save(model.state_dict(), path)")
    if _has_tensors(entries):
        return entries, []
    dicts = {str(key): inner for key, value in entries.items() if (inner := dict_entries(value)) is not None}
    state_dicts = [key for key, inner in dicts.items() if _has_tensors(inner)]
    key = next((key for key in STATE_DICT_KEYS if key in state_dicts), None)
    if key is None and len(state_dicts) == 1:
        key = state_dicts[0]
    if key is not None:
        return dicts[key], [f'a checkpoint: the state_dict is its "{key}"']
    for name, value in entries.items():
        _refuse_module(value, f' under the key "{name}"')
    if state_dicts:
        raise ValueError(
            f"a checkpoint with several state_dicts, {', '.join(state_dicts[:20])}: save the one to load alone"
        )
    raise ValueError("a file without tensors by name: expected what torch.save(model.state_dict(), path) writes")


def dict_entries(value: Any) -> dict[Any, Any] | None:
    """Return the entries of a dict or an OrderedDict; Python 2 pickles the latter's as its first argument."""
    if isinstance(value, dict):
        return value
    factory = _factory(value)
    if factory is None or factory.name not in ("OrderedDict", "dict", "defaultdict"):
        return None
    first = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else []
    pairs = first if isinstance(first, list | tuple) else []
    pairs = [pair for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2]
    return {**{key: item for key, item in pairs if isinstance(key, str)}, **value.entries}


def _refuse_module(value: Any, location: str = "") -> None:
    factory = _factory(value)
    if factory is not None and isinstance(value.state, dict) and "_modules" in value.state:
        raise ValueError(
            f"a whole pickled module, {factory}{location}, which only its own program can open: in that program "
            "type torch.save(model.state_dict(), path), and pass the new file"
        )


def _has_tensors(entries: dict[Any, Any]) -> bool:
    return any(map(_is_tensor, entries.values()))


def _is_tensor(value: Any) -> bool:
    factory = _factory(value)
    return factory is not None and factory.name.startswith(("_rebuild_", "rebuild_"))


def _module_tensors(name: str, module: InertObject, find_storage: FindStorage, depth: int) -> list[Parameter]:
    """Return the tensors of a TorchScript module and its submodules."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply to be a model")
    parameters = []
    for key, value in module.state.items() if isinstance(module.state, dict) else ():
        path = f"{name}.{key}" if name else str(key)
        spend(steps=5, memory=len(path))
        if _is_tensor(value):
            parameters.append(Parameter(path, _to_array(path, value, find_storage)))
        elif isinstance(value, InertObject):
            parameters += _module_tensors(path, value, find_storage, depth + 1)
    return parameters


def _to_array(name: str, tensor: InertObject, find_storage: FindStorage) -> Array:
    """Return a tensor as torch would rebuild it."""
    arguments = tensor.arguments if isinstance(tensor.arguments, tuple) else ()
    kind = tensor.factory.name
    if kind in ("_rebuild_parameter", "_rebuild_parameter_with_state") and arguments and _is_tensor(arguments[0]):
        inner: InertObject = arguments[0]
        if inner.factory.name.startswith("_rebuild_parameter"):
            raise ValueError(f"damaged: {name} is a parameter of a parameter")
        return _to_array(name, inner, find_storage)
    if kind not in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3") or len(arguments) < 4:
        raise ValueError(
            f"a file whose tensor {name} is of a kind that is not supported: torch would call {tensor.factory}"
        )
    storage, offset, sizes, strides = arguments[:4]
    if not isinstance(storage, PersistentId):
        raise ValueError(f"damaged: tensor {name} has no storage")
    if kind == "_rebuild_tensor_v3":
        dtype = next((argument for argument in arguments[4:] if isinstance(argument, GlobalRef)), "unknown")
        raise ValueError(f"a file whose tensor {name} has numbers of type {dtype}, which NumPy does not have")
    if isinstance(sizes, InertObject) and sizes.arguments:  # torch.Size
        sizes = sizes.arguments[0]
    return strided_tensor(find_storage(storage.value), offset, sizes, strides)
