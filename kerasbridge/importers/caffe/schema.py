"""Caffe's messages as classes of protobuf, in a pool of their own, so that no other schema can be in the way."""

import functools
import re
from typing import Any

from kerasbridge.errors import PackageNotInstalled
from kerasbridge.importers.caffe.messages import MESSAGES

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as missing:
    raise PackageNotInstalled.needed("Caffe's files need", "protobuf", "legacy", missing) from missing

_FIELD = descriptor_pb2.FieldDescriptorProto
_NAMES = ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32")
_SCALARS = {name: getattr(_FIELD, f"TYPE_{name.upper()}") for name in _NAMES}
_ENTRY = re.compile(r"^(enum|message) ([\w.]+): (.*(?:\n    .*)*)", re.MULTILINE)


@functools.cache
def message(name: str) -> Any:
    """The class of a message.

    >>> message("BlobShape")(dim=[2, 3]).dim
    [2, 3]
    """
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"caffe.{name}"))


@functools.cache
def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


def _file() -> Any:
    """The whole table as the description of one file."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    entries = [(kind, name, re.split(r",\s+", fields)) for kind, name, fields in _ENTRY.findall(MESSAGES)]
    enums = {name for kind, name, _ in entries if kind == "enum"}
    owners = {name: file.message_type.add(name=name) for kind, name, _ in entries if kind == "message"}
    for kind, name, fields in entries:
        if kind == "enum":
            owner, _, own = name.rpartition(".")
            _add_values((owners[owner] if owner else file).enum_type.add(name=own or name), fields)
        else:
            for field in fields:
                _add_field(owners[name], field, enums)
    return file


def _add_values(enum: Any, values: list[str]) -> None:
    for value in values:
        name, number = value.split("=")
        enum.value.add(name=name, number=int(number))


def _add_field(owner: Any, text: str, enums: set[str]) -> None:
    kind, name, number, *default = re.split(r"[ =]", text)
    field = owner.field.add(name=name, number=int(number), label=_FIELD.LABEL_OPTIONAL)
    if kind.endswith("*"):
        kind, field.label = kind[:-1], _FIELD.LABEL_REPEATED
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        nested = f"{owner.name}.{kind}"
        enum = nested if nested in enums else kind
        field.type = _FIELD.TYPE_ENUM if enum in enums else _FIELD.TYPE_MESSAGE
        field.type_name = f".caffe.{enum}"
    if default:
        field.default_value = default[0]
