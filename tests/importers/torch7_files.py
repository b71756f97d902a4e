"""A small torch.save: writes Torch7 networks to binary or text files like `File.lua` of torch7."""

import struct
from dataclasses import dataclass, field

import numpy as np

KINDS = {
    "u1": "Byte",
    "i1": "Char",
    "i2": "Short",
    "i4": "Int",
    "i8": "Long",
    "f2": "Half",
    "f4": "Float",
    "f8": "Double",
}


@dataclass(eq=False)
class Thing:
    """An object of a class, with its fields."""

    type: str
    fields: object
    version: str = "V 1"


@dataclass(eq=False)
class Numbers:
    """A storage."""

    array: np.ndarray
    kind: str = ""

    @property
    def name(self):
        return self.kind or KINDS[self.array.dtype.str[1:]]


@dataclass(eq=False)
class Seen:
    """A tensor: a view of a storage."""

    storage: Numbers | None
    sizes: tuple
    strides: tuple
    offset: int = 0
    kind: str = ""


@dataclass(eq=False)
class Closure:
    """A function, with its upvalues."""

    code: bytes
    around: object = field(default_factory=list)
    kind: int = 8


def nn(kind, *parts, **fields):
    """A module; "Linear" is nn.Linear."""
    name = kind if "." in kind else f"nn.{kind}"
    inner = {"modules": list(parts)} if parts else {}
    return Thing(name, {"train": False, "_type": "torch.FloatTensor", **inner, **fields})


def longs(*sizes):
    """A LongStorage."""
    return Numbers(np.array(sizes, np.int64))


def tensor(array, kind=""):
    """Return a tensor with a storage of its own."""
    array = np.ascontiguousarray(array)
    strides = tuple(step // array.itemsize for step in array.strides)
    return Seen(Numbers(array.ravel(), kind), array.shape, strides, 0, kind)


def save(path, value, **options):
    """Write the file and return its path."""
    path.write_bytes(Writer(**options).saved(value))
    return path


class Writer:
    """Writes binary or text.

    Args:
        text: whether to write text.
        long: the number of bytes of integers of the machine.
        versions: whether classes have versions, unlike in the oldest files.
    """

    def __init__(self, text=False, long=8, versions=True):
        self.text, self.long, self.versions = text, f"<i{long}", versions
        self.out, self.known = [], {}

    def saved(self, value):
        self.value(value)
        return b"".join(self.out)

    def value(self, value):
        if isinstance(value, np.ndarray):
            value = self.known.setdefault(("array", id(value)), tensor(value))
        if value is None:
            self.integer(0)
        elif isinstance(value, bool):
            self.integer(5, int(value))
        elif isinstance(value, int | float):
            self.integer(1)
            self.out.append(f"{value:.17g}\n".encode() if self.text else struct.pack("<d", value))
        elif isinstance(value, str | bytes):
            self.integer(2)
            self.letters(value)
        else:
            self.indexed(value)

    def indexed(self, value):
        value = getattr(value, "table", value)  # a table that is a key
        kind = value.kind if isinstance(value, Closure) else 3 if isinstance(value, dict | list) else 4
        self.integer(kind)
        if id(value) in self.known:
            return self.integer(self.known[id(value)][0])
        self.known[id(value)] = (len(self.known) + 1, value)
        self.integer(self.known[id(value)][0])
        if isinstance(value, Closure):
            self.letters(value.code)
            return self.value(value.around)
        if isinstance(value, list):
            value = dict(enumerate(value, 1))
        if isinstance(value, dict):
            return self.table(value)
        if isinstance(value, Thing):
            self.head(value.type, value.version)
            return self.value(value.fields)
        return self.tensor(value) if isinstance(value, Seen) else self.storage(value)

    def table(self, table):
        self.integer(len(table))
        for key, inner in table.items():
            self.value(key)
            self.value(inner)

    def head(self, name, version="V 1"):
        if self.versions:
            self.letters(version)
        self.letters(name)

    def tensor(self, seen):
        self.head(f"torch.{seen.kind or seen.storage.name}Tensor")
        self.integer(len(seen.sizes))
        self.longs(seen.sizes)
        self.longs(seen.strides)
        self.longs([seen.offset + 1])
        self.value(seen.storage)

    def storage(self, numbers):
        self.head(f"torch.{numbers.name}Storage")
        self.longs([len(numbers.array)])
        if numbers.name.endswith("Long"):
            self.longs(numbers.array)
        elif not self.text or numbers.array.itemsize == 1:
            self.out.append(numbers.array.astype(numbers.array.dtype.newbyteorder("<")).tobytes())
            self.out.append(b"\n" if self.text and len(numbers.array) else b"")
        else:
            self.words(f"{number:.17g}" for number in numbers.array.tolist())

    def integer(self, *numbers):
        for number in numbers:
            self.out.append(f"{number}\n".encode() if self.text else struct.pack("<i", number))

    def longs(self, numbers):
        self.words(map(str, numbers)) if self.text else self.out.append(np.array(numbers, self.long).tobytes())

    def letters(self, letters):
        letters = letters if isinstance(letters, bytes) else letters.encode()
        self.integer(len(letters))
        self.out.append(letters + b"\n" if self.text and letters else letters)

    def words(self, words):
        line = " ".join(words)
        self.out.append(f"{line}\n".encode() if line else b"")
