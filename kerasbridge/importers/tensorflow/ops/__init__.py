"""Each operation of TensorFlow's: where its value comes from, how it is computed, or what it is in a network."""

from kerasbridge.importers.tensorflow.ops.constant_folding import FOLDS
from kerasbridge.importers.tensorflow.ops.control_flow import FLOW
from kerasbridge.importers.tensorflow.ops.dropout import match_dropout
from kerasbridge.importers.tensorflow.ops.image import IMAGING
from kerasbridge.importers.tensorflow.ops.math import ARITHMETIC
from kerasbridge.importers.tensorflow.ops.nn import WEIGHTED
from kerasbridge.importers.tensorflow.ops.reduction import REDUCING
from kerasbridge.importers.tensorflow.ops.reshaping import SHAPING
from kerasbridge.importers.tensorflow.ops.slicing import PIECES
from kerasbridge.importers.tensorflow.symbolic_executor import OpTables

ROW_BY_ROW = {*ARITHMETIC, "MatMul"} - {"LRN"}
"""Those that do the same with each row of numbers."""

OPERATIONS = {**ARITHMETIC, **IMAGING, **PIECES, **REDUCING, **SHAPING, **WEIGHTED}
"""By the name of an operation what it is in the network."""

TABLES = OpTables(FLOW, FOLDS, OPERATIONS, ROW_BY_ROW, match_dropout)
