"""Layers for operations of older frameworks that Keras has no layer for, written with `keras.ops`.

They are trainable and take images as (N, H, W, C). Import this module before loading a .keras file that contains them:

    import kerasbridge.layers
    model = keras.models.load_model("model.keras")
"""

from kerasbridge.layers.activations import ParametricSoftplus as ParametricSoftplus
from kerasbridge.layers.activations import SReLU as SReLU
from kerasbridge.layers.blocks import DepthToSpace as DepthToSpace
from kerasbridge.layers.blocks import SpaceToDepth as SpaceToDepth
from kerasbridge.layers.convolution import GroupedConv2DTranspose as GroupedConv2DTranspose
from kerasbridge.layers.convolution import StridedDilatedConv2D as StridedDilatedConv2D
from kerasbridge.layers.elementwise import Absolute as Absolute
from kerasbridge.layers.elementwise import Clip as Clip
from kerasbridge.layers.elementwise import Erf as Erf
from kerasbridge.layers.elementwise import Logarithm as Logarithm
from kerasbridge.layers.elementwise import Power as Power
from kerasbridge.layers.elementwise import Replace as Replace
from kerasbridge.layers.elementwise import Threshold as Threshold
from kerasbridge.layers.highway import Highway as Highway
from kerasbridge.layers.highway import MaxoutDense as MaxoutDense
from kerasbridge.layers.keras1_keras2 import CeilAveragePooling1D as CeilAveragePooling1D
from kerasbridge.layers.keras1_keras2 import CeilAveragePooling3D as CeilAveragePooling3D
from kerasbridge.layers.keras1_keras2 import CeilMaxPooling1D as CeilMaxPooling1D
from kerasbridge.layers.keras1_keras2 import CeilMaxPooling3D as CeilMaxPooling3D
from kerasbridge.layers.keras1_keras2 import EachBatchNormalization as EachBatchNormalization
from kerasbridge.layers.keras1_keras2 import SameAveragePooling1D as SameAveragePooling1D
from kerasbridge.layers.keras1_keras2 import SameAveragePooling2D as SameAveragePooling2D
from kerasbridge.layers.keras1_keras2 import SameAveragePooling3D as SameAveragePooling3D
from kerasbridge.layers.keras1_keras2 import ThresholdedReLU as ThresholdedReLU
from kerasbridge.layers.keras1_keras2 import hard_sigmoid as hard_sigmoid
from kerasbridge.layers.locally_connected import LocallyConnected1D as LocallyConnected1D
from kerasbridge.layers.locally_connected import LocallyConnected2D as LocallyConnected2D
from kerasbridge.layers.normalization import Affine as Affine
from kerasbridge.layers.normalization import LocalResponseNormalization as LocalResponseNormalization
from kerasbridge.layers.normalization import MeanVarianceNormalization as MeanVarianceNormalization
from kerasbridge.layers.normalization import UnitLength as UnitLength
from kerasbridge.layers.padding import EdgePadding2D as EdgePadding2D
from kerasbridge.layers.padding import Margin as Margin
from kerasbridge.layers.pooling import CeilAveragePooling2D as CeilAveragePooling2D
from kerasbridge.layers.pooling import CeilMaxPooling2D as CeilMaxPooling2D
from kerasbridge.layers.random_fourier import RandomFourierFeatures as RandomFourierFeatures
from kerasbridge.layers.reshaping import CropLike as CropLike
from kerasbridge.layers.reshaping import LargestPlaces as LargestPlaces
from kerasbridge.layers.reshaping import Reduce as Reduce
from kerasbridge.layers.reshaping import Slice as Slice
from kerasbridge.layers.reshaping import Squeeze as Squeeze
from kerasbridge.layers.reshaping import Tile as Tile
from kerasbridge.layers.reshaping import Unsqueeze as Unsqueeze
from kerasbridge.layers.resizing import Resize as Resize
