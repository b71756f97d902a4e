"""Read Python pickles without unpickling: nothing that they name is imported, called or created.

Everything that a pickle would call becomes an `InertObject`, which records the callable and its arguments. NumPy arrays
and PyTorch tensors are then recognized among these. Every opcode of protocols 0 to 5 is supported.
"""

from kerasbridge.importers.io.pickles.objects import DamagedPickle, GlobalRef, InertObject, PersistentId
from kerasbridge.importers.io.pickles.reader import read, read_all

__all__ = ["DamagedPickle", "GlobalRef", "InertObject", "PersistentId", "read", "read_all"]
