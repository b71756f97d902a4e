"""Embed."""

import math

from kerasbridge.importers.caffe.ops.base import check_weights, converts, with_bias
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.embedding import Embedding


@converts("Embed")
def embed(layer: Layer) -> list[Operation]:
    """Convert Embed: weights (input_dim, num_output), a row for each integer."""
    options = layer.options("embed")
    weight, bias = with_bias(layer, options.bias_term)
    expected = (options.input_dim, options.num_output)
    check_weights(
        weight.shape[-2:] == expected and weight.size == math.prod(expected), f"expected the shape {expected}"
    )
    check_weights(bias is None or bias.size == options.num_output, f"expected {options.num_output} biases")
    return [Embedding(weight.reshape(expected), bias)]
