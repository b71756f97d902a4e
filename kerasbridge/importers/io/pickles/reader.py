"""The machine that pickles are programs for, with inert things in the place of all that it would make.

Opcodes after Python's `pickletools` and PEP 574. Memory grows with the file alone: what an opcode announces is taken
from the file, never asked for beforehand, and places of the memo are keys, not sizes.
"""

import codecs
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST_STEPS = 10_000_000
"""Opcodes of one file; a model of a thousand arrays has some twenty thousand."""

MOST_BYTES_OF_INT = 256
"""Longer ones are cut: no array has such a number."""


class DamagedPickle(ValueError):
    """What is wrong with it, to follow the file's name and "is"."""


@dataclass(frozen=True)
class GlobalRef:
    """What a pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Persistent:
    """What a pickle says lies outside of it."""

    identity: Any


@dataclass(eq=False)
class InertObject:
    """What a pickle would make by calling something.

    Args:
        what: what it would call, a `GlobalRef` where the pickle is an honest one.
        arguments: what it would call it with.
        state: what it would set on the object afterwards.
        items: what it would append to it.
        entries: what it would store in it by key.
    """

    factory: Any
    arguments: Any
    state: Any = None
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)


def read(content: bytes, start: int = 0) -> tuple[Any, int]:
    """Return a pickle's value, of None, bool, int, float, str, bytes, list, tuple, dict and `InertObject`, and its end.

    Raises:
        DamagedPickle: it is cut short, or no pickle.
    """
    machine = _Machine(content, start)
    try:
        return machine.run(), machine.place
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        why = str(error) if isinstance(error, DamagedPickle) else f"a damaged pickle, at byte {machine.place:,}"
        raise DamagedPickle(why) from error


def read_all(content: bytes) -> list[Any]:
    """What the pickles of a file describe, which were written one after the other."""
    found, place = [], 0
    while place < len(content):
        value, place = read(content, place)
        found.append(value)
    return found


class _Machine:
    """Its stack, the stacks that marks have put aside, and its memo."""

    def __init__(self, content: bytes, start: int) -> None:
        self.content, self.place = content, start
        self.stack: list[Any] = []
        self.aside: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST_STEPS):
            code = self.take(1)
            if code == b".":
                return self.stack.pop()
            step = STEPS.get(code)
            if step is None:
                raise DamagedPickle(f"no pickle, or a damaged one: byte {self.place - 1:,} is no opcode")
            step(self)
        raise DamagedPickle(f"a pickle of more than {MOST_STEPS:,} steps")

    def take(self, count: int) -> bytes:
        taken = self.content[self.place : self.place + count]
        if len(taken) < count:
            raise DamagedPickle("a pickle that is cut short")
        self.place += count
        return taken

    def sized(self, width: int) -> bytes:
        """What follows its own length."""
        return self.take(self.number(width))

    def number(self, width: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(width), "little", signed=signed)

    def line(self) -> bytes:
        end = self.content.find(b"\n", self.place)
        if end < 0:
            raise DamagedPickle("a pickle that is cut short")
        line = self.content[self.place : end]
        self.place = end + 1
        return line

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.aside.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        found, self.stack = self.stack, self.aside.pop()
        return found

    def popped(self, count: int) -> list[Any]:
        found = [self.stack.pop() for _ in range(count)]
        return found[::-1]


def _name(machine: _Machine) -> GlobalRef:
    return GlobalRef(machine.line().decode("utf-8", "replace"), machine.line().decode("utf-8", "replace"))


def _stack_name(machine: _Machine) -> None:
    module, name = machine.popped(2)
    machine.push(GlobalRef(str(module), str(name)) if isinstance(module, str) and isinstance(name, str) else None)


def _make(count: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        what, *arguments = machine.popped(count)
        machine.push(InertObject(what, *arguments[:1]))

    return step


def _instance(machine: _Machine) -> None:
    name = _name(machine)
    machine.push(InertObject(name, tuple(machine.since_mark())))


def _object(machine: _Machine) -> None:
    what, *arguments = machine.since_mark()
    machine.push(InertObject(what, tuple(arguments)))


def _build(machine: _Machine) -> None:
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], InertObject):
        machine.stack[-1].state = state


def _append(machine: _Machine, items: list[Any]) -> None:
    into = machine.stack[-1]
    (into.items if isinstance(into, InertObject) else into).extend(items)


def _store(machine: _Machine, items: list[Any]) -> None:
    """Keys that are not plain are passed over: no array has such a name, and hashing a nested one may take for ever."""
    into = machine.stack[-1]
    entries = into.entries if isinstance(into, InertObject) else into
    entries.update(
        {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str | int | float)}
    )


def _dict(machine: _Machine) -> None:
    items = machine.since_mark()
    machine.push({})
    _store(machine, items)


def _int(machine: _Machine) -> None:
    line = machine.line().strip()
    machine.push(line == b"01" if line in (b"00", b"01") else int(line))


def _quoted(machine: _Machine) -> None:
    line = machine.line().strip()
    if len(line) < 2 or line[:1] not in b"'\"" or line[:1] != line[-1:]:
        raise DamagedPickle("a damaged pickle: a text has no quotes")
    machine.push(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))


def _remember(machine: _Machine, place: int) -> None:
    machine.memo[place] = machine.stack[-1]


def _pop(machine: _Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.since_mark()


def _refuse(machine: _Machine) -> None:
    raise DamagedPickle("a pickle with parts that lie outside the file")


def _push(value: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value(machine))


def _text(width: int) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.sized(width).decode("utf-8", "surrogatepass"))


def _old_text(width: int) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.sized(width).decode("latin-1"))


def _bytes(width: int) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.sized(width))


def _number(width: int, signed: bool = False) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.number(width, signed))


def _long(width: int) -> Callable[[_Machine], None]:
    return _push(lambda machine: int.from_bytes(machine.sized(width)[:MOST_BYTES_OF_INT], "little", signed=True))


STEPS: dict[bytes, Callable[[_Machine], Any]] = {
    b"(": _Machine.mark, b"0": _pop, b"1": _Machine.since_mark, b"2": _push(lambda m: m.stack[-1]),
    b"N": _push(lambda m: None), b"\x88": _push(lambda m: True), b"\x89": _push(lambda m: False),
    b"I": _int, b"J": _number(4, True), b"K": _number(1), b"M": _number(2),
    b"L": _push(lambda m: int(m.line().strip().rstrip(b"L"))),
    b"\x8a": _long(1), b"\x8b": _long(4),
    b"F": _push(lambda m: float(m.line())), b"G": _push(lambda m: struct.unpack(">d", m.take(8))[0]),
    b"S": _quoted, b"T": _old_text(4), b"U": _old_text(1),
    b"V": _push(lambda m: m.line().decode("raw-unicode-escape")), b"X": _text(4), b"\x8c": _text(1), b"\x8d": _text(8),
    b"B": _bytes(4), b"C": _bytes(1), b"\x8e": _bytes(8), b"\x96": _bytes(8), b"\x97": _refuse, b"\x98": _refuse,
    b"]": _push(lambda m: []), b"l": _push(lambda m: m.since_mark()),
    b"a": lambda m: _append(m, m.popped(1)), b"e": lambda m: _append(m, m.since_mark()),
    b")": _push(lambda m: ()), b"t": _push(lambda m: tuple(m.since_mark())),
    b"\x85": _push(lambda m: tuple(m.popped(1))), b"\x86": _push(lambda m: tuple(m.popped(2))),
    b"\x87": _push(lambda m: tuple(m.popped(3))),
    b"}": _push(lambda m: {}), b"d": _dict,
    b"s": lambda m: _store(m, m.popped(2)), b"u": lambda m: _store(m, m.since_mark()),
    b"\x8f": _push(lambda m: []), b"\x90": lambda m: _append(m, m.since_mark()),
    b"\x91": _push(lambda m: m.since_mark()),
    b"g": _push(lambda m: m.memo[int(m.line())]), b"h": _push(lambda m: m.memo[m.number(1)]),
    b"j": _push(lambda m: m.memo[m.number(4)]),
    b"p": lambda m: _remember(m, int(m.line())), b"q": lambda m: _remember(m, m.number(1)),
    b"r": lambda m: _remember(m, m.number(4)), b"\x94": lambda m: _remember(m, len(m.memo)),
    b"c": _push(_name), b"\x93": _stack_name, b"R": _make(2), b"\x81": _make(2), b"\x92": _make(3), b"b": _build,
    b"i": _instance, b"o": _object,
    b"\x80": lambda m: m.take(1), b"\x95": lambda m: m.take(8),
    b"P": _push(lambda m: Persistent(m.line().decode("latin-1"))), b"Q": _push(lambda m: Persistent(m.stack.pop())),
}  # fmt: skip
"""What each opcode does; those of the registry of extensions, which names nothing, are none of these."""
