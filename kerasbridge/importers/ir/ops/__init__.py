"""The operations that networks of every format are made of: options and weights, and the shapes they give.

All speak of N, C, H, W. They are data: `building` says how Keras computes them.
"""

from kerasbridge.importers.ir.ops.axes import AxisReduction as AxisReduction
from kerasbridge.importers.ir.ops.axes import Narrowing as Narrowing
from kerasbridge.importers.ir.ops.axes import Squeezing as Squeezing
from kerasbridge.importers.ir.ops.axes import Unsqueezing as Unsqueezing
from kerasbridge.importers.ir.ops.base import Array as Array
from kerasbridge.importers.ir.ops.base import Elementwise as Elementwise
from kerasbridge.importers.ir.ops.base import Misfit as Misfit
from kerasbridge.importers.ir.ops.base import Operation as Operation
from kerasbridge.importers.ir.ops.base import Pair as Pair
from kerasbridge.importers.ir.ops.base import Shape as Shape
from kerasbridge.importers.ir.ops.base import Sides as Sides
from kerasbridge.importers.ir.ops.base import SizeUnknown as SizeUnknown
from kerasbridge.importers.ir.ops.base import canonical as canonical
from kerasbridge.importers.ir.ops.blocks import DepthToSpace as DepthToSpace
from kerasbridge.importers.ir.ops.blocks import SpaceToDepth as SpaceToDepth
from kerasbridge.importers.ir.ops.elementwise import Activation as Activation
from kerasbridge.importers.ir.ops.elementwise import Broadcast as Broadcast
from kerasbridge.importers.ir.ops.elementwise import Clip as Clip
from kerasbridge.importers.ir.ops.elementwise import Combination as Combination
from kerasbridge.importers.ir.ops.elementwise import Dropout as Dropout
from kerasbridge.importers.ir.ops.elementwise import Linear as Linear
from kerasbridge.importers.ir.ops.elementwise import LocalResponse as LocalResponse
from kerasbridge.importers.ir.ops.elementwise import Power as Power
from kerasbridge.importers.ir.ops.elementwise import Replacement as Replacement
from kerasbridge.importers.ir.ops.elementwise import Softmax as Softmax
from kerasbridge.importers.ir.ops.elementwise import Standardization as Standardization
from kerasbridge.importers.ir.ops.elementwise import Threshold as Threshold
from kerasbridge.importers.ir.ops.elementwise import UnitLength as UnitLength
from kerasbridge.importers.ir.ops.padding import CenteredConcatenation as CenteredConcatenation
from kerasbridge.importers.ir.ops.padding import Margin as Margin
from kerasbridge.importers.ir.ops.padding import Padding as Padding
from kerasbridge.importers.ir.ops.padding import Resizing as Resizing
from kerasbridge.importers.ir.ops.padding import Upsampling as Upsampling
from kerasbridge.importers.ir.ops.pooling import GlobalPooling as GlobalPooling
from kerasbridge.importers.ir.ops.pooling import Pooling as Pooling
from kerasbridge.importers.ir.ops.reduction import LargestPlaces as LargestPlaces
from kerasbridge.importers.ir.ops.reduction import Reduction as Reduction
from kerasbridge.importers.ir.ops.reshaping import Concatenation as Concatenation
from kerasbridge.importers.ir.ops.reshaping import Cropping as Cropping
from kerasbridge.importers.ir.ops.reshaping import Flattening as Flattening
from kerasbridge.importers.ir.ops.reshaping import Reshaping as Reshaping
from kerasbridge.importers.ir.ops.reshaping import Slicing as Slicing
from kerasbridge.importers.ir.ops.reshaping import Tiling as Tiling
from kerasbridge.importers.ir.ops.reshaping import Transposition as Transposition
from kerasbridge.importers.ir.ops.weighted import Affine as Affine
from kerasbridge.importers.ir.ops.weighted import BatchNormalization as BatchNormalization
from kerasbridge.importers.ir.ops.weighted import Convolution as Convolution
from kerasbridge.importers.ir.ops.weighted import Deconvolution as Deconvolution
from kerasbridge.importers.ir.ops.weighted import Dense as Dense
from kerasbridge.importers.ir.ops.weighted import Embedding as Embedding
from kerasbridge.importers.ir.ops.weighted import InstanceNormalization as InstanceNormalization
from kerasbridge.importers.ir.ops.weighted import PRelu as PRelu
