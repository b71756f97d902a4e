"""Writers of state_dict files as `torch.save` writes them, for tests without torch."""

import io
import json
import struct
import zipfile

import numpy as np

KINDS = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage"}
MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03." + b"\x80\x02}."


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def numbers(values):
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(key, array, old=False):
    """Return the pickle of a tensor that fills its storage."""
    storage = b"(" + text("storage") + f"ctorch\n{KINDS[array.dtype.name]}\n".encode() + text(key) + text("cpu")
    storage += b"J" + struct.pack("<i", array.size) + (b"N" if old else b"") + b"tQ"
    strides = [stride // array.itemsize for stride in np.ascontiguousarray(array).strides]
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + numbers(array.shape) + numbers(strides)
    return rebuilt + b"\x89ccollections\nOrderedDict\n)RtR"


def pickled(arrays, old=False):
    """Return the pickle of a state dict."""
    pairs = (text(name) + tensor(str(key), array, old) for key, (name, array) in enumerate(arrays.items()))
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + b"".join(pairs) + b"u."


def zipped(arrays):
    """Return the content of a file of torch 1.6 and later."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(arrays))
        archive.writestr("archive/byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{key}", np.ascontiguousarray(array).tobytes())
    return content.getvalue()


def in_rows(arrays):
    """Return the content of a file of an earlier torch."""
    keys = b"\x80\x02](" + b"".join(text(str(key)) for key in range(len(arrays))) + b"e."
    storages = (struct.pack("<q", array.size) + array.tobytes() for array in arrays.values())
    return MAGIC + pickled(arrays, old=True) + keys + b"".join(storages)


def safe(arrays):
    """Return the content of a .safetensors file, sorted by name; uint16 numbers are the bits of bfloat16."""
    header, content = {}, b""
    for name, array in sorted(arrays.items()):
        kind = {"uint16": "BF16", "float16": "F16", "float32": "F32", "int64": "I64"}[array.dtype.name]
        ends = [len(content), len(content) + array.nbytes]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": ends}
        content += np.ascontiguousarray(array).tobytes()
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + content
