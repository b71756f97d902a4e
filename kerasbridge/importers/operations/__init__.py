"""The operations that networks of every format are made of: options and weights, and the shapes they give.

All speak of N, C, H, W. They are data: `building` says how Keras computes them.
"""

from kerasbridge.importers.operations.axes import AxisReduction as AxisReduction
from kerasbridge.importers.operations.axes import Narrowing as Narrowing
from kerasbridge.importers.operations.axes import Squeezing as Squeezing
from kerasbridge.importers.operations.axes import Unsqueezing as Unsqueezing
from kerasbridge.importers.operations.base import Array as Array
from kerasbridge.importers.operations.base import Elementwise as Elementwise
from kerasbridge.importers.operations.base import Misfit as Misfit
from kerasbridge.importers.operations.base import Operation as Operation
from kerasbridge.importers.operations.base import Pair as Pair
from kerasbridge.importers.operations.base import Shape as Shape
from kerasbridge.importers.operations.base import Sides as Sides
from kerasbridge.importers.operations.base import SizeUnknown as SizeUnknown
from kerasbridge.importers.operations.base import canonical as canonical
from kerasbridge.importers.operations.blocks import DepthToSpace as DepthToSpace
from kerasbridge.importers.operations.blocks import SpaceToDepth as SpaceToDepth
from kerasbridge.importers.operations.elementwise import Activation as Activation
from kerasbridge.importers.operations.elementwise import Broadcast as Broadcast
from kerasbridge.importers.operations.elementwise import Clip as Clip
from kerasbridge.importers.operations.elementwise import Combination as Combination
from kerasbridge.importers.operations.elementwise import Dropout as Dropout
from kerasbridge.importers.operations.elementwise import Linear as Linear
from kerasbridge.importers.operations.elementwise import LocalResponse as LocalResponse
from kerasbridge.importers.operations.elementwise import Power as Power
from kerasbridge.importers.operations.elementwise import Replacement as Replacement
from kerasbridge.importers.operations.elementwise import Softmax as Softmax
from kerasbridge.importers.operations.elementwise import Standardization as Standardization
from kerasbridge.importers.operations.elementwise import Threshold as Threshold
from kerasbridge.importers.operations.elementwise import UnitLength as UnitLength
from kerasbridge.importers.operations.padding import CenteredConcatenation as CenteredConcatenation
from kerasbridge.importers.operations.padding import Margin as Margin
from kerasbridge.importers.operations.padding import Padding as Padding
from kerasbridge.importers.operations.padding import Resizing as Resizing
from kerasbridge.importers.operations.padding import Upsampling as Upsampling
from kerasbridge.importers.operations.pooling import GlobalPooling as GlobalPooling
from kerasbridge.importers.operations.pooling import Pooling as Pooling
from kerasbridge.importers.operations.reducing import LargestPlaces as LargestPlaces
from kerasbridge.importers.operations.reducing import Reduction as Reduction
from kerasbridge.importers.operations.shaping import Concatenation as Concatenation
from kerasbridge.importers.operations.shaping import Cropping as Cropping
from kerasbridge.importers.operations.shaping import Flattening as Flattening
from kerasbridge.importers.operations.shaping import Reshaping as Reshaping
from kerasbridge.importers.operations.shaping import Slicing as Slicing
from kerasbridge.importers.operations.shaping import Tiling as Tiling
from kerasbridge.importers.operations.shaping import Transposition as Transposition
from kerasbridge.importers.operations.weighted import Affine as Affine
from kerasbridge.importers.operations.weighted import BatchNormalization as BatchNormalization
from kerasbridge.importers.operations.weighted import Convolution as Convolution
from kerasbridge.importers.operations.weighted import Deconvolution as Deconvolution
from kerasbridge.importers.operations.weighted import Dense as Dense
from kerasbridge.importers.operations.weighted import Embedding as Embedding
from kerasbridge.importers.operations.weighted import InstanceNormalization as InstanceNormalization
from kerasbridge.importers.operations.weighted import PRelu as PRelu
