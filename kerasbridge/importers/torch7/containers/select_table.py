"""Containers that return some values of a table, or the values of a table in another table."""

from kerasbridge.importers.torch7.containers.base import MAX_PIECES, converts, mismatch, table, table_item
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value, flatten_value


@converts("SelectTable")
def select_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert SelectTable: one value of a table."""
    return table_item(converter, value, module.integer("index", least=-MAX_PIECES, most=MAX_PIECES))


@converts("w2nn.AuxiliaryLossTable")
def auxiliary_loss_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert the AuxiliaryLossTable of waifu2x: one value of a table, except while training."""
    return table_item(converter, value, module.integer("i", 1, most=MAX_PIECES))


@converts("nngraph.JustElement")
def unwrap_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert the JustElement of nngraph: the only value of a table."""
    return table_item(converter, value, 1)


@converts("nngraph.JustTable")
def wrap_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert the JustTable of nngraph: a table of one value."""
    return [value]


@converts("NarrowTable")
def narrow_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert NarrowTable: a range of a table."""
    values, offset = table(converter, value), module.integer("offset", most=MAX_PIECES)
    length = module.integer("length", 1, most=MAX_PIECES)
    if offset - 1 + length > len(values):
        return mismatch(converter, value, f"there are {len(values)} in the table")
    return values[offset - 1 : offset - 1 + length]


@converts("FlattenTable")
def flatten_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert FlattenTable: one table of the values of nested tables."""
    return flatten_value(table(converter, value))
