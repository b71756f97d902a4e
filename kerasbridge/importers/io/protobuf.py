"""Protobuf message classes from a table of fields, in a separate descriptor pool, so that no other schema can clash.

Each entry is a message or an enum; "*" marks repeated fields, "=" a default. A map is a repeated message of key and
value, which is the same on the wire.
"""

import re
from typing import Any

from kerasbridge.errors import PackageNotInstalled

_NAMES = ("bool", "bytes", "double", "fixed32", "float", "int32", "int64", "string", "uint32", "uint64")
_ENTRY = re.compile(r"^(enum|message) ([\w.]+): (.*(?:\n    .*)*)", re.MULTILINE)


class MessageClasses:
    """The message classes of a table.

    Args:
        package: the name of the schema.
        table: the messages and enums, in the notation of `caffe.messages`.
        needing: the beginning of the error if protobuf is missing: "Caffe files need".
        syntax: "proto2", which has defaults, or "proto3", whose strings must be UTF-8.

    Raises:
        PackageNotInstalled: protobuf is not installed.

    >>> point = MessageClasses("example", "message Point: int32* at 1, string name 2", "This example needs")("Point")
    >>> point.FromString(point(at=[2, 3], name="a").SerializeToString()).at
    [2, 3]
    """

    def __init__(self, package: str, table: str, needing: str, syntax: str = "proto2") -> None:
        try:
            from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
        except ImportError as missing:
            raise PackageNotInstalled.needed(needing, "protobuf", "legacy", missing, "google.protobuf") from missing
        self._package, self._factory, self._field = package, message_factory, descriptor_pb2.FieldDescriptorProto
        self._pool = descriptor_pool.DescriptorPool()
        file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax=syntax)
        self._add_table(file, table)
        self._pool.AddSerializedFile(file.SerializeToString())

    def __call__(self, name: str) -> Any:
        """Return the class of a message."""
        return self._factory.GetMessageClass(self._pool.FindMessageTypeByName(f"{self._package}.{name}"))

    def _add_table(self, file: Any, table: str) -> None:
        """Add the messages and enums of the table to the descriptor of a file."""
        entries = [(kind, name, re.split(r",\s+", fields)) for kind, name, fields in _ENTRY.findall(table)]
        enums = {name for kind, name, _ in entries if kind == "enum"}
        owners = {name: file.message_type.add(name=name) for kind, name, _ in entries if kind == "message"}
        for kind, name, fields in entries:
            if kind == "enum":
                owner, _, own = name.rpartition(".")
                _add_values((owners[owner] if owner else file).enum_type.add(name=own or name), fields)
            else:
                for field in fields:
                    self._add_field(owners[name], field, enums)

    def _add_field(self, owner: Any, text: str, enums: set[str]) -> None:
        kind, name, number, *default = re.split(r"[ =]", text)
        field = owner.field.add(name=name, number=int(number), label=self._field.LABEL_OPTIONAL)
        if kind.endswith("*"):
            kind, field.label = kind[:-1], self._field.LABEL_REPEATED
        if kind in _NAMES:
            field.type = getattr(self._field, f"TYPE_{kind.upper()}")
        else:
            nested = f"{owner.name}.{kind}"
            enum = nested if nested in enums else kind
            field.type = self._field.TYPE_ENUM if enum in enums else self._field.TYPE_MESSAGE
            field.type_name = f".{self._package}.{enum}"
        if default:
            field.default_value = default[0]


def _add_values(enum: Any, values: list[str]) -> None:
    for value in values:
        name, number = value.split("=")
        enum.value.add(name=name, number=int(number))
