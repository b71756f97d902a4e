"""The state of the stack machine that executes a pickle: its input, stacks and memo.

Bytes are taken from the content instead of allocated by an announced size, memo indices are keys of a dict, and every
value draws from the budget of the file.
"""

from typing import Any

from kerasbridge.files import budget
from kerasbridge.importers.io.pickles.objects import DamagedPickle

MEMORY_PER_STEP = 100
"""Bytes of the value that an opcode creates, in addition to its content."""


class PickleMachine:
    """A pickle being read.

    Args:
        content: the bytes of the file.
        position: the start of the pickle in it.

    Attributes:
        position: the position of the next byte.
        stack: the values since the last mark.
        stacks: the stacks below it, one for each mark.
        memo: the memoized values by index.
    """

    def __init__(self, content: bytes, position: int) -> None:
        self._content, self.position = content, position
        self.budget = budget.current()
        self.stack: list[Any] = []
        self.stacks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def read_bytes(self, count: int) -> bytes:
        """Read `count` bytes."""
        content = self._content[self.position : self.position + count]
        if len(content) < count:
            raise DamagedPickle("a pickle that is cut short")
        self.position += count
        return content

    def read_int(self, width: int, signed: bool = False) -> int:
        """Read a little-endian integer of `width` bytes."""
        return int.from_bytes(self.read_bytes(width), "little", signed=signed)

    def read_sized(self, width: int) -> bytes:
        """Read bytes after their number, an integer of `width` bytes."""
        return self.read_bytes(self.read_int(width))

    def read_line(self) -> bytes:
        """Read up to the end of the line, without the newline."""
        end = self._content.find(b"\n", self.position)
        if end < 0:
            raise DamagedPickle("a pickle that is cut short")
        line = self._content[self.position : end]
        self.position = end + 1
        return line

    def push(self, value: Any) -> None:
        """Push a value on the stack."""
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        """Pop `count` values, in the order in which they were pushed."""
        values = [self.stack.pop() for _ in range(count)]
        return values[::-1]

    def mark(self) -> None:
        """Start a new stack."""
        self.stacks.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        """Return the values since the last mark, and remove the mark."""
        values, self.stack = self.stack, self.stacks.pop()
        return values
