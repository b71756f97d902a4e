"""FusedBatchNorm and BatchNormWithGlobalNormalization."""

from typing import Any

from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def batch_normalization(context: NodeContext) -> list[Any]:
    """Convert FusedBatchNorm: scale, offset, mean, variance; only with stored statistics."""
    if context.flag("is_training", True):
        raise Unsupported("has the statistics of each batch, as in training: export the model for use")
    scale, offset, mean, variance = (context.weights(place, 1) for place in range(1, 5))
    images = context.images()
    operation = BatchNormalization(mean, variance, scale, offset, context.number("epsilon", 1e-4), 0.99)
    return [context.emit(operation, images, order=context.image_order), mean, variance, mean, variance]


@converts("BatchNormWithGlobalNormalization")
def batch_norm_with_global_normalization(context: NodeContext) -> Tensor:
    """Convert BatchNormWithGlobalNormalization: mean, variance, beta, gamma."""
    mean, variance, beta, gamma = (context.weights(place, 1) for place in range(1, 5))
    scale = gamma if context.flag("scale_after_normalization") else None
    epsilon = context.number("variance_epsilon", 1e-3)
    return context.emit(BatchNormalization(mean, variance, scale, beta, epsilon, 0.99), context.images())
