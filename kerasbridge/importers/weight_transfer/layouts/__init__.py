"""The layouts in which files store the weights of each Keras layer; see `base`."""

from kerasbridge.importers.ir.registry import import_modules
from kerasbridge.importers.weight_transfer.layouts.base import RULES as RULES

import_modules(__name__)
