"""The operations that the graphs of every format consist of; importing this package registers their builders."""

from kerasbridge.importers.ir.ops.activation import Activation as Activation
from kerasbridge.importers.ir.ops.affine import Affine as Affine
from kerasbridge.importers.ir.ops.arg_max import ArgMax as ArgMax
from kerasbridge.importers.ir.ops.axis_reduction import AxisReduction as AxisReduction
from kerasbridge.importers.ir.ops.base import Array as Array
from kerasbridge.importers.ir.ops.base import Elementwise as Elementwise
from kerasbridge.importers.ir.ops.base import Operation as Operation
from kerasbridge.importers.ir.ops.base import Pair as Pair
from kerasbridge.importers.ir.ops.base import Shape as Shape
from kerasbridge.importers.ir.ops.base import ShapeError as ShapeError
from kerasbridge.importers.ir.ops.base import Sides as Sides
from kerasbridge.importers.ir.ops.base import SignPreserving as SignPreserving
from kerasbridge.importers.ir.ops.base import UnknownDimension as UnknownDimension
from kerasbridge.importers.ir.ops.base import normalize_axis as normalize_axis
from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization as BatchNormalization
from kerasbridge.importers.ir.ops.broadcast import Broadcast as Broadcast
from kerasbridge.importers.ir.ops.clip import Clip as Clip
from kerasbridge.importers.ir.ops.concatenate import Concatenate as Concatenate
from kerasbridge.importers.ir.ops.constant_pad import ConstantPad as ConstantPad
from kerasbridge.importers.ir.ops.convolution import Convolution as Convolution
from kerasbridge.importers.ir.ops.crop_like import CropLike as CropLike
from kerasbridge.importers.ir.ops.deconvolution import Deconvolution as Deconvolution
from kerasbridge.importers.ir.ops.dense import Dense as Dense
from kerasbridge.importers.ir.ops.depth_concat import DepthConcat as DepthConcat
from kerasbridge.importers.ir.ops.depth_to_space import DepthToSpace as DepthToSpace
from kerasbridge.importers.ir.ops.depth_to_space import SpaceToDepth as SpaceToDepth
from kerasbridge.importers.ir.ops.dropout import Dropout as Dropout
from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge as ElementwiseMerge
from kerasbridge.importers.ir.ops.embedding import Embedding as Embedding
from kerasbridge.importers.ir.ops.flatten import Flatten as Flatten
from kerasbridge.importers.ir.ops.instance_normalization import InstanceNormalization as InstanceNormalization
from kerasbridge.importers.ir.ops.l2_normalize import L2Normalize as L2Normalize
from kerasbridge.importers.ir.ops.lrn import LRN as LRN
from kerasbridge.importers.ir.ops.mean_variance_normalization import (
    MeanVarianceNormalization as MeanVarianceNormalization,
)
from kerasbridge.importers.ir.ops.padding import Padding as Padding
from kerasbridge.importers.ir.ops.pooling import GlobalPooling as GlobalPooling
from kerasbridge.importers.ir.ops.pooling import Pooling as Pooling
from kerasbridge.importers.ir.ops.power import Power as Power
from kerasbridge.importers.ir.ops.prelu import PRelu as PRelu
from kerasbridge.importers.ir.ops.reduction import Reduction as Reduction
from kerasbridge.importers.ir.ops.replace_value import ReplaceValue as ReplaceValue
from kerasbridge.importers.ir.ops.reshape import Reshape as Reshape
from kerasbridge.importers.ir.ops.resize import Resize as Resize
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift as ScaleShift
from kerasbridge.importers.ir.ops.slice import Slice as Slice
from kerasbridge.importers.ir.ops.softmax import Softmax as Softmax
from kerasbridge.importers.ir.ops.split import Split as Split
from kerasbridge.importers.ir.ops.squeeze import Squeeze as Squeeze
from kerasbridge.importers.ir.ops.squeeze import Unsqueeze as Unsqueeze
from kerasbridge.importers.ir.ops.threshold import Threshold as Threshold
from kerasbridge.importers.ir.ops.tile import Tile as Tile
from kerasbridge.importers.ir.ops.transpose import Transpose as Transpose
from kerasbridge.importers.ir.ops.upsample import Upsample as Upsample
