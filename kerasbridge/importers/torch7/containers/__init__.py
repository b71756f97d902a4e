"""Converters of Torch7 modules that contain others, or that take or return tables: one module for each type.

The Lua files of nn, with the same names, define what the types compute. A module registers its function with
`converts`; all modules are imported here.
"""

from kerasbridge.importers.ir.registry import import_modules
from kerasbridge.importers.torch7.containers.base import CONTAINERS as CONTAINERS

import_modules(__name__)
