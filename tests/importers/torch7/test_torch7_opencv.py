"""A chain of Torch7 modules, compared with OpenCV 4, which reads these files itself, binary and text."""

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers.nets import assert_close, normals, outputs
from tests.importers.torch7_files import longs, nn, save

RANDOM = np.random.default_rng(3)

normal = normals(RANDOM)


def both(prefix, size):
    return {f"{prefix}W": size, f"{prefix}H": size}


def conv(channels, filters, size):
    weights = {"weight": normal(filters, channels, size, size) / size, "bias": normal(filters)}
    shape = {"nInputPlane": channels, "nOutputPlane": filters, **both("k", size), **both("d", 1)}
    return nn("SpatialConvolution", **shape, **both("pad", size // 2), **weights)


def chain():
    """A chain of modules that OpenCV computes like nn."""
    kept = {"running_mean": normal(8), "running_var": np.abs(normal(8)) + 0.5, "weight": normal(8), "bias": normal(8)}
    full = {"nInputPlane": 9, "nOutputPlane": 4, "weight": normal(9, 4, 3, 3), "bias": normal(4)}
    ceil = {**both("k", 3), **both("d", 2), **both("pad", 1), "ceil_mode": True}
    mean = {**both("k", 2), **both("d", 2), **both("pad", 0), "ceil_mode": False, "count_include_pad": True}
    return nn(
        "Sequential",
        conv(3, 8, 3),
        nn("SpatialBatchNormalization", eps=1e-5, momentum=0.1, affine=True, **kept),
        nn("ReLU"),
        nn("SpatialMaxPooling", **ceil),
        nn("SpatialCrossMapLRN", size=5, alpha=0.5, beta=0.75, k=1.0),
        nn(
            "Concat",
            nn("Sequential", conv(8, 4, 1), nn("PReLU", nOutputPlane=4, weight=normal(4))),
            nn("Sequential", conv(8, 5, 3), nn("ELU", alpha=1)),
            dimension=2,
        ),
        nn("ConcatTable", nn("Identity"), nn("Sequential", conv(9, 9, 3), nn("Tanh"))),
        nn("CAddTable"),
        nn("SpatialZeroPadding", pad_l=1, pad_r=0, pad_t=2, pad_b=1),
        nn("SpatialFullConvolution", **full, **both("k", 3), **both("d", 2), **both("pad", 1), **both("adj", 1)),
        nn("SpatialAveragePooling", divide=True, **mean),
        nn("View", size=longs(320), numElements=320, numInputDims=3),
        nn("Linear", weight=normal(6, 320) / 18, bias=normal(6)),
        nn("LogSoftMax"),
    )


@pytest.mark.parametrize("text", [False, True])
def test_a_chain_gives_what_opencv_makes_of_the_same_file(tmp_path, text):
    reason = "it compares with OpenCV 4, which is not installed: pip install 'opencv-python-headless<5'"
    cv2 = pytest.importorskip("cv2", reason=reason)
    path, x = save(tmp_path / "net.t7", chain(), text=text), normal(1, 3, 13, 12)
    net = cv2.dnn.readNetFromTorch(str(path), not text)
    net.setInput(x)
    assert_close(outputs(kb.load_legacy(path, input_shape=(3, 13, 12)), x)[0], net.forward())
