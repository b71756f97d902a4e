"""`keras.ops.cond` in a trace on torch: both branches run, and `where` selects from their results and writes."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kerasbridge.engines.stateless import VariableRecorder, patched_cond, unique, value_of
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import raw_value

Branch = Callable[[], Any]
Writes = list[tuple[Any, Tensor]]


def cond(pred: Any, true_fn: Branch, false_fn: Branch) -> Any:
    """Compute `keras.ops.cond`, where variables get the values that the branch chosen by `pred` assigns."""
    if isinstance(pred, bool):
        with patched_cond(cond):
            return true_fn() if pred else false_fn()
    pred = keras.ops.cast(pred, "bool")
    (yes, written), (no, written_else) = _apart(true_fn), _apart(false_fn)
    values, values_else = _by_variable(written), _by_variable(written_else)
    for variable in unique([[variable for variable, _ in (*written, *written_else)]]):
        before = value_of(variable)
        variable.assign(torch.where(pred, values.get(id(variable), before), values_else.get(id(variable), before)))
    return keras.tree.map_structure(
        lambda one, other: None if one is None else keras.ops.where(pred, one, other), yes, no
    )


def _apart(branch: Branch) -> tuple[Any, Writes]:
    """Run a branch in isolation and return its result and its writes."""
    with patched_cond(cond), InPlace() as in_place, BranchOverlay(in_place) as scope:
        given = branch()
    return given, scope.writes()


def _by_variable(writes: Writes) -> dict[int, Tensor]:
    return {id(variable): value for variable, value in writes}


class CopyingOverlay(VariableRecorder):
    """Scope that copies a value assigned to two variables, since updates in place would change both."""

    def __init__(self, values: Iterable[tuple[Any, Tensor]] = (), exact: bool = False) -> None:
        super().__init__(values, exact)
        self._memory = {key: memory_of(value) for key, value in self.state_mapping.items()}
        self._taken = Counter(self._memory.values())

    def add_update(self, update: tuple[Any, Tensor]) -> None:
        """Record the update, with a copy of the value if its memory is shared."""
        variable, value = update
        super().add_update((variable, value.clone() if self._taken[memory_of(value)] > 0 else value))
        self._note_memory(variable)

    def _note_memory(self, variable: Any) -> None:
        """Note where the current value of a variable is stored."""
        key = id(variable)
        if key in self._memory:
            self._taken[self._memory[key]] -= 1
        self._memory[key] = memory_of(self.state_mapping[key])
        self._taken[self._memory[key]] += 1


class BranchOverlay(CopyingOverlay):
    """Scope of a branch that reads copies, since Keras optimizers on torch write into the tensors that they read."""

    def __init__(self, in_place: "InPlace") -> None:
        super().__init__(())
        self._in_place = in_place
        self._read: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Tensor:
        """Return the value of the variable in this branch."""
        if id(variable) not in self.state_mapping:
            below = super().get_current_value(variable)
            self.state_mapping[id(variable)] = (raw_value(variable) if below is None else below).clone()
            self._read[id(variable)] = variable
            self._note_memory(variable)
        return self.state_mapping[id(variable)]

    def writes(self) -> Writes:
        """Return the variables assigned, and those whose copy was written in place, with their values."""
        copies = ((variable, self.state_mapping[key]) for key, variable in self._read.items())
        changed = [variable for variable, copy in copies if memory_of(copy) in self._in_place.memory]
        written = unique([self._written.values(), changed])
        return [(variable, self.state_mapping[id(variable)]) for variable in written]


class InPlace(TorchDispatchMode):  # type: ignore[misc]
    """Records the memory that operations write in place."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Record the arguments that an operation writes, then run it."""
        for declared, given in zip(function._schema.arguments, args, strict=False):
            if declared.alias_info is not None and declared.alias_info.is_write:
                self.memory.update(map(memory_of, given if isinstance(given, (list, tuple)) else [given]))
        return function(*args, **(kwargs or {}))


def memory_of(tensor: Tensor) -> int:
    """Return what identifies the memory of a tensor while it exists."""
    return int(tensor.untyped_storage()._cdata)
