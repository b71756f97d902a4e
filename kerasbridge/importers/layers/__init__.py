"""Layers for what the old frameworks compute and no layer of Keras does, written in `keras.ops`.

They take images in the order N, H, W, C, and train. A .keras file names them; whoever opens one imports this module
first:

    import kerasbridge.importers.layers
    model = keras.models.load_model("model.keras")
"""

from kerasbridge.importers.layers.bending import ParametricSoftplus as ParametricSoftplus
from kerasbridge.importers.layers.bending import SReLU as SReLU
from kerasbridge.importers.layers.blocks import DepthToSpace as DepthToSpace
from kerasbridge.importers.layers.blocks import SpaceToDepth as SpaceToDepth
from kerasbridge.importers.layers.convolving import GroupedConv2DTranspose as GroupedConv2DTranspose
from kerasbridge.importers.layers.convolving import StridedDilatedConv2D as StridedDilatedConv2D
from kerasbridge.importers.layers.deciding import Highway as Highway
from kerasbridge.importers.layers.deciding import MaxoutDense as MaxoutDense
from kerasbridge.importers.layers.elementwise import Absolute as Absolute
from kerasbridge.importers.layers.elementwise import Clip as Clip
from kerasbridge.importers.layers.elementwise import Erf as Erf
from kerasbridge.importers.layers.elementwise import Logarithm as Logarithm
from kerasbridge.importers.layers.elementwise import Power as Power
from kerasbridge.importers.layers.elementwise import Replace as Replace
from kerasbridge.importers.layers.elementwise import Threshold as Threshold
from kerasbridge.importers.layers.fourier import RandomFourierFeatures as RandomFourierFeatures
from kerasbridge.importers.layers.normalizing import Affine as Affine
from kerasbridge.importers.layers.normalizing import LocalResponseNormalization as LocalResponseNormalization
from kerasbridge.importers.layers.normalizing import MeanVarianceNormalization as MeanVarianceNormalization
from kerasbridge.importers.layers.normalizing import UnitLength as UnitLength
from kerasbridge.importers.layers.old_keras import CeilAveragePooling1D as CeilAveragePooling1D
from kerasbridge.importers.layers.old_keras import CeilAveragePooling3D as CeilAveragePooling3D
from kerasbridge.importers.layers.old_keras import CeilMaxPooling1D as CeilMaxPooling1D
from kerasbridge.importers.layers.old_keras import CeilMaxPooling3D as CeilMaxPooling3D
from kerasbridge.importers.layers.old_keras import EachBatchNormalization as EachBatchNormalization
from kerasbridge.importers.layers.old_keras import SameAveragePooling1D as SameAveragePooling1D
from kerasbridge.importers.layers.old_keras import SameAveragePooling2D as SameAveragePooling2D
from kerasbridge.importers.layers.old_keras import SameAveragePooling3D as SameAveragePooling3D
from kerasbridge.importers.layers.old_keras import ThresholdedReLU as ThresholdedReLU
from kerasbridge.importers.layers.old_keras import hard_sigmoid as hard_sigmoid
from kerasbridge.importers.layers.padding import EdgePadding2D as EdgePadding2D
from kerasbridge.importers.layers.padding import Margin as Margin
from kerasbridge.importers.layers.pooling import CeilAveragePooling2D as CeilAveragePooling2D
from kerasbridge.importers.layers.pooling import CeilMaxPooling2D as CeilMaxPooling2D
from kerasbridge.importers.layers.resizing import Resize as Resize
from kerasbridge.importers.layers.shaping import CropLike as CropLike
from kerasbridge.importers.layers.shaping import LargestPlaces as LargestPlaces
from kerasbridge.importers.layers.shaping import Reduce as Reduce
from kerasbridge.importers.layers.shaping import Slice as Slice
from kerasbridge.importers.layers.shaping import Squeeze as Squeeze
from kerasbridge.importers.layers.shaping import Tile as Tile
from kerasbridge.importers.layers.shaping import Unsqueeze as Unsqueeze
from kerasbridge.importers.layers.unshared import LocallyConnected1D as LocallyConnected1D
from kerasbridge.importers.layers.unshared import LocallyConnected2D as LocallyConnected2D
