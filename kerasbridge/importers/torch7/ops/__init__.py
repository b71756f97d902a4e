"""Converters of Torch7 modules that take one tensor: one module for each type, or for types that share code.

The Lua files of nn, with the same names, define what the types compute. A module registers its function with
`converts`; all modules are imported here.
"""

from kerasbridge.importers.ir.registry import import_modules
from kerasbridge.importers.torch7.ops.base import OPERATIONS as OPERATIONS
from kerasbridge.importers.torch7.ops.base import BatchDimension as BatchDimension
from kerasbridge.importers.torch7.ops.base import InputInfo as InputInfo
from kerasbridge.importers.torch7.ops.identity import IDENTITIES as IDENTITIES

import_modules(__name__)
