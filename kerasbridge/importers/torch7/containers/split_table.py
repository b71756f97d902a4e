"""SplitTable."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.containers.base import MAX_PIECES, converts
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.select import select_index
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("SplitTable")
def split_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert SplitTable: a table of the slices along a dimension."""
    info = converter.input_info(value)
    axis = info.axis(module.dimension(), module.rank())
    size = info.shape[axis]
    if size is None or size > MAX_PIECES:
        raise Unsupported("has a dimension of unknown size to split, or of a large one")
    converter.report_module(module)
    return [converter.add(module, select_index(axis, index), [value], str(index + 1)) for index in range(size)]
