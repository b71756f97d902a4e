"""The operations that networks of every format are made of: options and weights, and the shapes they give.

All speak of N, C, H, W. They are data: `building` says how Keras computes them.
"""

from kerasbridge.importers.ir.ops.axes import AxisReduction as AxisReduction
from kerasbridge.importers.ir.ops.axes import Slice as Slice
from kerasbridge.importers.ir.ops.axes import Squeeze as Squeeze
from kerasbridge.importers.ir.ops.axes import Unsqueeze as Unsqueeze
from kerasbridge.importers.ir.ops.base import Array as Array
from kerasbridge.importers.ir.ops.base import Elementwise as Elementwise
from kerasbridge.importers.ir.ops.base import Operation as Operation
from kerasbridge.importers.ir.ops.base import Pair as Pair
from kerasbridge.importers.ir.ops.base import Shape as Shape
from kerasbridge.importers.ir.ops.base import ShapeError as ShapeError
from kerasbridge.importers.ir.ops.base import Sides as Sides
from kerasbridge.importers.ir.ops.base import UnknownDimension as UnknownDimension
from kerasbridge.importers.ir.ops.base import normalize_axis as normalize_axis
from kerasbridge.importers.ir.ops.blocks import DepthToSpace as DepthToSpace
from kerasbridge.importers.ir.ops.blocks import SpaceToDepth as SpaceToDepth
from kerasbridge.importers.ir.ops.elementwise import LRN as LRN
from kerasbridge.importers.ir.ops.elementwise import Activation as Activation
from kerasbridge.importers.ir.ops.elementwise import Broadcast as Broadcast
from kerasbridge.importers.ir.ops.elementwise import Clip as Clip
from kerasbridge.importers.ir.ops.elementwise import Dropout as Dropout
from kerasbridge.importers.ir.ops.elementwise import ElementwiseMerge as ElementwiseMerge
from kerasbridge.importers.ir.ops.elementwise import L2Normalize as L2Normalize
from kerasbridge.importers.ir.ops.elementwise import MeanVarianceNormalization as MeanVarianceNormalization
from kerasbridge.importers.ir.ops.elementwise import Power as Power
from kerasbridge.importers.ir.ops.elementwise import ReplaceValue as ReplaceValue
from kerasbridge.importers.ir.ops.elementwise import ScaleShift as ScaleShift
from kerasbridge.importers.ir.ops.elementwise import Softmax as Softmax
from kerasbridge.importers.ir.ops.elementwise import Threshold as Threshold
from kerasbridge.importers.ir.ops.padding import ConstantPad as ConstantPad
from kerasbridge.importers.ir.ops.padding import DepthConcat as DepthConcat
from kerasbridge.importers.ir.ops.padding import Padding as Padding
from kerasbridge.importers.ir.ops.padding import Resize as Resize
from kerasbridge.importers.ir.ops.padding import Upsample as Upsample
from kerasbridge.importers.ir.ops.pooling import GlobalPooling as GlobalPooling
from kerasbridge.importers.ir.ops.pooling import Pooling as Pooling
from kerasbridge.importers.ir.ops.reduction import ArgMax as ArgMax
from kerasbridge.importers.ir.ops.reduction import Reduction as Reduction
from kerasbridge.importers.ir.ops.reshaping import Concatenate as Concatenate
from kerasbridge.importers.ir.ops.reshaping import CropLike as CropLike
from kerasbridge.importers.ir.ops.reshaping import Flatten as Flatten
from kerasbridge.importers.ir.ops.reshaping import Reshape as Reshape
from kerasbridge.importers.ir.ops.reshaping import Split as Split
from kerasbridge.importers.ir.ops.reshaping import Tile as Tile
from kerasbridge.importers.ir.ops.reshaping import Transpose as Transpose
from kerasbridge.importers.ir.ops.weighted import Affine as Affine
from kerasbridge.importers.ir.ops.weighted import BatchNormalization as BatchNormalization
from kerasbridge.importers.ir.ops.weighted import Convolution as Convolution
from kerasbridge.importers.ir.ops.weighted import Deconvolution as Deconvolution
from kerasbridge.importers.ir.ops.weighted import Dense as Dense
from kerasbridge.importers.ir.ops.weighted import Embedding as Embedding
from kerasbridge.importers.ir.ops.weighted import InstanceNormalization as InstanceNormalization
from kerasbridge.importers.ir.ops.weighted import PRelu as PRelu
