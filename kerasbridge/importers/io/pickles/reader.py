"""Read the pickles of a file."""

import struct
from typing import Any

from kerasbridge.importers.io.pickles.machine import MEMORY_PER_STEP, PickleMachine
from kerasbridge.importers.io.pickles.objects import DamagedPickle
from kerasbridge.importers.io.pickles.opcodes import OPCODES


def read(content: bytes, start: int = 0) -> tuple[Any, int]:
    """Read one pickle.

    Returns:
        Its value, of None, bool, int, float, str, bytes, list, tuple, dict and `InertObject`; and its end in `content`.

    Raises:
        DamagedPickle: it is cut short, or is not a pickle.
    """
    machine = PickleMachine(content, start)
    try:
        return _run(machine), machine.position
    except DamagedPickle:
        raise
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        raise DamagedPickle(f"a damaged pickle, at byte {machine.position:,}") from error


def read_all(content: bytes) -> list[Any]:
    """Read all pickles of a file, which may contain several in sequence."""
    values, position = [], 0
    while position < len(content):
        value, position = read(content, position)
        values.append(value)
    return values


def _run(machine: PickleMachine) -> Any:
    while True:
        machine.budget.spend(steps=1, memory=MEMORY_PER_STEP)
        code = machine.read_bytes(1)
        if code == b".":
            return machine.stack.pop()
        execute = OPCODES.get(code)
        if execute is None:
            raise DamagedPickle(f"not a pickle, or a damaged one: byte {machine.position - 1:,} is not an opcode")
        execute(machine)
