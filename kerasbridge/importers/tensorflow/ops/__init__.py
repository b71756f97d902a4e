"""Each operation of TensorFlow's: where its value comes from, how it is computed, or what it is in a network."""

from kerasbridge.importers.tensorflow.ops.arithmetic import ARITHMETIC
from kerasbridge.importers.tensorflow.ops.flow import FLOW as FLOW
from kerasbridge.importers.tensorflow.ops.folds import FOLDS as FOLDS
from kerasbridge.importers.tensorflow.ops.imaging import IMAGING
from kerasbridge.importers.tensorflow.ops.pieces import PIECES
from kerasbridge.importers.tensorflow.ops.reducing import REDUCING
from kerasbridge.importers.tensorflow.ops.shaping import SHAPING
from kerasbridge.importers.tensorflow.ops.weighted import WEIGHTED

ROW_BY_ROW = {*ARITHMETIC, "MatMul"} - {"LRN"}
"""Those that do the same with each row of numbers."""

OPERATIONS = {**ARITHMETIC, **IMAGING, **PIECES, **REDUCING, **SHAPING, **WEIGHTED}
"""By the name of an operation what it is in the network."""
