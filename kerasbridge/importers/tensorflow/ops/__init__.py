"""Handlers of TensorFlow operations: one module for each operation, or for operations that share code.

A module registers its functions: with `converts` what adds operations to the graph, with `folds` what computes
constants, with `executes` what is executed for any inputs. All modules are imported here.
"""

from kerasbridge.importers.ir.registry import import_modules
from kerasbridge.importers.tensorflow.ops.base import CONTROL_FLOW, FOLDS, OPERATIONS, ROWWISE
from kerasbridge.importers.tensorflow.ops.dropout import match_dropout
from kerasbridge.importers.tensorflow.symbolic_executor import OpTables

import_modules(__name__)

TABLES = OpTables(CONTROL_FLOW, FOLDS, OPERATIONS, ROWWISE, match_dropout)
