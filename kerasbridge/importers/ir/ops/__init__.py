"""The operations that the graphs of every format consist of: one module for each.

Importing this package imports all of them, so that their builders are registered.
"""

from kerasbridge.importers.ir.ops.base import Array as Array
from kerasbridge.importers.ir.ops.base import Operation as Operation
from kerasbridge.importers.ir.ops.base import Shape as Shape
from kerasbridge.importers.ir.ops.base import ShapeError as ShapeError
from kerasbridge.importers.ir.ops.base import UnknownDimension as UnknownDimension
from kerasbridge.importers.ir.registry import import_modules

import_modules(__name__)
