"""The opcodes of pickles, after Python's `pickletools` and PEP 574; none of them imports or calls anything."""

import codecs
import struct
from collections.abc import Callable
from typing import Any

from kerasbridge.importers.io.pickles.machine import PickleMachine
from kerasbridge.importers.io.pickles.objects import DamagedPickle, GlobalRef, InertObject, PersistentId

MAX_INT_BYTES = 256
"""Longer integers are truncated: no array contains one."""

Opcode = Callable[[PickleMachine], Any]


def _read_global(machine: PickleMachine) -> GlobalRef:
    return GlobalRef(machine.read_line().decode("utf-8", "replace"), machine.read_line().decode("utf-8", "replace"))


def _stack_global(machine: PickleMachine) -> None:
    module, name = machine.pop(2)
    machine.push(GlobalRef(str(module), str(name)) if isinstance(module, str) and isinstance(name, str) else None)


def _reduce(count: int) -> Opcode:
    """Return an opcode that pops `count` values, of which the first is called with the second."""

    def execute(machine: PickleMachine) -> None:
        factory, *arguments = machine.pop(count)
        machine.push(InertObject(factory, *arguments[:1]))

    return execute


def _instance(machine: PickleMachine) -> None:
    factory = _read_global(machine)
    machine.push(InertObject(factory, tuple(machine.pop_to_mark())))


def _object(machine: PickleMachine) -> None:
    factory, *arguments = machine.pop_to_mark()
    machine.push(InertObject(factory, tuple(arguments)))


def _build(machine: PickleMachine) -> None:
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], InertObject):
        machine.stack[-1].state = state


def _append(machine: PickleMachine, items: list[Any]) -> None:
    target = machine.stack[-1]
    (target.items if isinstance(target, InertObject) else target).extend(items)


def _set_items(machine: PickleMachine, items: list[Any]) -> None:
    """Set pairs of key and value in the dict on the stack.

    Keys that are not strings or numbers are skipped: no array has such a name, and hashing a nested one may never end.
    """
    target = machine.stack[-1]
    entries = target.entries if isinstance(target, InertObject) else target
    pairs = zip(items[::2], items[1::2], strict=True)
    entries.update({key: value for key, value in pairs if isinstance(key, str | int | float)})


def _dict(machine: PickleMachine) -> None:
    items = machine.pop_to_mark()
    machine.push({})
    _set_items(machine, items)


def _int(machine: PickleMachine) -> None:
    line = machine.read_line().strip()
    machine.push(line == b"01" if line in (b"00", b"01") else int(line))


def _quoted_string(machine: PickleMachine) -> None:
    line = machine.read_line().strip()
    if len(line) < 2 or line[:1] not in b"'\"" or line[:1] != line[-1:]:
        raise DamagedPickle("a damaged pickle: a string has no quotes")
    machine.push(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))


def _memoize(machine: PickleMachine, index: int) -> None:
    machine.memo[index] = machine.stack[-1]


def _pop(machine: PickleMachine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_to_mark()


def _refuse_buffer(machine: PickleMachine) -> None:
    raise DamagedPickle("a pickle with out-of-band buffers, which are not in the file")


def _push(value: Opcode) -> Opcode:
    return lambda machine: machine.push(value(machine))


def _string(width: int) -> Opcode:
    return _push(lambda machine: machine.read_sized(width).decode("utf-8", "surrogatepass"))


def _python2_string(width: int) -> Opcode:
    return _push(lambda machine: machine.read_sized(width).decode("latin-1"))


def _bytes(width: int) -> Opcode:
    return _push(lambda machine: machine.read_sized(width))


def _fixed_int(width: int, signed: bool = False) -> Opcode:
    return _push(lambda machine: machine.read_int(width, signed))


def _long(width: int) -> Opcode:
    return _push(lambda machine: int.from_bytes(machine.read_sized(width)[:MAX_INT_BYTES], "little", signed=True))


OPCODES: dict[bytes, Opcode] = {
    b"(": PickleMachine.mark, b"0": _pop, b"1": PickleMachine.pop_to_mark, b"2": _push(lambda m: m.stack[-1]),
    b"N": _push(lambda m: None), b"\x88": _push(lambda m: True), b"\x89": _push(lambda m: False),
    b"I": _int, b"J": _fixed_int(4, True), b"K": _fixed_int(1), b"M": _fixed_int(2),
    b"L": _push(lambda m: int(m.read_line().strip().rstrip(b"L"))),
    b"\x8a": _long(1), b"\x8b": _long(4),
    b"F": _push(lambda m: float(m.read_line())), b"G": _push(lambda m: struct.unpack(">d", m.read_bytes(8))[0]),
    b"S": _quoted_string, b"T": _python2_string(4), b"U": _python2_string(1),
    b"V": _push(lambda m: m.read_line().decode("raw-unicode-escape")),
    b"X": _string(4), b"\x8c": _string(1), b"\x8d": _string(8),
    b"B": _bytes(4), b"C": _bytes(1), b"\x8e": _bytes(8), b"\x96": _bytes(8),
    b"\x97": _refuse_buffer, b"\x98": _refuse_buffer,
    b"]": _push(lambda m: []), b"l": _push(lambda m: m.pop_to_mark()),
    b"a": lambda m: _append(m, m.pop(1)), b"e": lambda m: _append(m, m.pop_to_mark()),
    b")": _push(lambda m: ()), b"t": _push(lambda m: tuple(m.pop_to_mark())),
    b"\x85": _push(lambda m: tuple(m.pop(1))), b"\x86": _push(lambda m: tuple(m.pop(2))),
    b"\x87": _push(lambda m: tuple(m.pop(3))),
    b"}": _push(lambda m: {}), b"d": _dict,
    b"s": lambda m: _set_items(m, m.pop(2)), b"u": lambda m: _set_items(m, m.pop_to_mark()),
    b"\x8f": _push(lambda m: []), b"\x90": lambda m: _append(m, m.pop_to_mark()),
    b"\x91": _push(lambda m: m.pop_to_mark()),
    b"g": _push(lambda m: m.memo[int(m.read_line())]), b"h": _push(lambda m: m.memo[m.read_int(1)]),
    b"j": _push(lambda m: m.memo[m.read_int(4)]),
    b"p": lambda m: _memoize(m, int(m.read_line())), b"q": lambda m: _memoize(m, m.read_int(1)),
    b"r": lambda m: _memoize(m, m.read_int(4)), b"\x94": lambda m: _memoize(m, len(m.memo)),
    b"c": _push(_read_global), b"\x93": _stack_global,
    b"R": _reduce(2), b"\x81": _reduce(2), b"\x92": _reduce(3), b"b": _build, b"i": _instance, b"o": _object,
    b"\x80": lambda m: m.read_bytes(1), b"\x95": lambda m: m.read_bytes(8),
    b"P": _push(lambda m: PersistentId(m.read_line().decode("latin-1"))),
    b"Q": _push(lambda m: PersistentId(m.stack.pop())),
}  # fmt: skip
"""The implementation of each opcode, except for those of the extension registry, which refer to nothing in the file."""
