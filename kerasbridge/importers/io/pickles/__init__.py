"""Python's pickles, read without unpickling: nothing is imported, called or made of what they name.

What a pickle would call becomes an `InertObject`, which records the name and the arguments and does nothing. NumPy
arrays and PyTorch tensors are then recognised among these. Every opcode of protocols 0 to 5 is read.
"""

from kerasbridge.importers.io.pickles.reader import DamagedPickle, GlobalRef, InertObject, Persistent, read, read_all

__all__ = ["DamagedPickle", "GlobalRef", "InertObject", "Persistent", "read", "read_all"]
