"""Python's pickles, read without unpickling: nothing is imported, called or made of what they name.

What a pickle would call becomes a `Made`, which remembers the name and the arguments and does nothing. The formats that
were pickled, NumPy's and PyTorch's, are then recognised among these. Every opcode of protocols 0 to 5 is read.
"""

from kerasbridge.importers.io.pickles.reader import DamagedPickle, Made, Name, Persistent, read, read_all

__all__ = ["DamagedPickle", "Made", "Name", "Persistent", "read", "read_all"]
