"""InnerProduct."""

import math

from kerasbridge.importers.caffe.ops.base import check_weights, converts, with_bias
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.dense import Dense


@converts("InnerProduct")
def inner_product(layer: Layer) -> list[Operation]:
    """Convert InnerProduct: weights (out, in), or (in, out) with `transpose`; in older files (1, 1, out, in)."""
    options = layer.options("inner_product")
    weight, bias = with_bias(layer, options.bias_term)
    check_weights(
        weight.size and weight.size == math.prod(weight.shape[-2:]), f"expected a matrix, received {weight.shape}"
    )
    matrix = weight.reshape(weight.shape[-2:]) if weight.ndim >= 2 else weight.reshape(options.num_output, -1)
    matrix = matrix.T if options.transpose else matrix
    check_weights(len(matrix) == options.num_output, f"expected {options.num_output} outputs, received {len(matrix)}")
    check_weights(bias is None or bias.size == len(matrix), f"expected {len(matrix)} biases")
    return [Dense(matrix, bias, options.axis)]
