"""Every Keras layer that draws random numbers, with fixed seeds, an input, and its expected outputs.

`KERAS_BACKEND=jax python -m tests.backend.random.random_layers` recomputes the table of expected values.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge.keras_compat import keras
from kerasbridge.random import bits, keras_patch

layers = keras.layers
SEED = 11
TABLE = Path(__file__).with_suffix(".json")


def _ramp(*shape: int) -> np.ndarray[Any, Any]:
    """Return numbers between 0 and 1 without a pattern that a flip or a shift would preserve."""
    return (np.modf(np.arange(1, np.prod(shape) + 1) * 0.6180339887498949)[0]).reshape(shape).astype("float32")


ONES = np.ones((4, 6, 5), "float32")
SEQUENCES = _ramp(4, 6, 5)
IMAGES = np.round(_ramp(4, 12, 10, 3) * 255).astype("float32")
FILMS = _ramp(2, 3, 6, 6, 2)


@dataclass(frozen=True)
class Case:
    """A builder of a layer, its input, whether only a mask in its output is random, and exceptions.

    `sums`: whether its outputs are compared. `steps`: whether a step can contain it.
    """

    build: Callable[[], Any]
    x: np.ndarray[Any, Any]
    mask: bool = False
    sums: bool = True
    steps: bool = True


def _noise(name: str, x: np.ndarray[Any, Any], mask: bool = False, **options: Any) -> Case:
    return Case(lambda: getattr(layers, name)(**options, seed=SEED), x, mask)


def _image(name: str, **options: Any) -> Case:
    return _noise(name, IMAGES, **options)


def _recurrent(name: str, x: np.ndarray[Any, Any] = SEQUENCES, *sizes: int, **options: Any) -> Case:
    fixed = {f"{part}_initializer": "orthogonal" for part in ("kernel", "recurrent")}
    return Case(lambda: getattr(layers, name)(4, *sizes, **fixed, **options, seed=SEED), x)


def _attention(name: str, **options: Any) -> Case:
    class SelfAttention(layers.Layer):  # type: ignore[misc]
        """Attention with one input as queries, values and keys."""

        def __init__(self) -> None:
            super().__init__()
            self.attention = getattr(layers, name)(**options, dropout=0.4, seed=SEED)

        def call(self, x: Any, training: bool = False) -> Any:
            """Call the layer on its input."""
            values = {"query": x, "value": x} if "num_heads" in options or "head_dim" in options else {"inputs": [x, x]}
            return self.attention(**values, training=training)

    return Case(SelfAttention, SEQUENCES)


CASES = {
    "Dropout": _noise("Dropout", ONES, mask=True, rate=0.4),
    "Dropout with a noise shape": _noise("Dropout", ONES, mask=True, rate=0.4, noise_shape=(None, 1, None)),
    "SpatialDropout1D": _noise("SpatialDropout1D", ONES, mask=True, rate=0.4),
    "SpatialDropout2D": _noise("SpatialDropout2D", np.ones((4, 6, 6, 5), "float32"), mask=True, rate=0.4),
    "SpatialDropout3D": _noise("SpatialDropout3D", np.ones((4, 3, 6, 6, 5), "float32"), mask=True, rate=0.4),
    "AlphaDropout": _noise("AlphaDropout", SEQUENCES, rate=0.4),
    "GaussianDropout": _noise("GaussianDropout", SEQUENCES, rate=0.4),
    "GaussianNoise": _noise("GaussianNoise", SEQUENCES, stddev=0.4),
    "Attention": _attention("Attention"),
    "AdditiveAttention": _attention("AdditiveAttention"),
    "MultiHeadAttention": _attention("MultiHeadAttention", num_heads=2, key_dim=3, kernel_initializer="orthogonal"),
    "GroupQueryAttention": _attention(
        "GroupQueryAttention", head_dim=3, num_query_heads=2, num_key_value_heads=1, kernel_initializer="orthogonal"
    ),
    "SimpleRNN": _recurrent("SimpleRNN", dropout=0.3, recurrent_dropout=0.3),
    "GRU": _recurrent("GRU", dropout=0.3, recurrent_dropout=0.3),
    "LSTM": _recurrent("LSTM", dropout=0.3, recurrent_dropout=0.3),
    "LSTM without recurrent dropout": _recurrent("LSTM", dropout=0.3),
    "ConvLSTM2D": _recurrent("ConvLSTM2D", FILMS, 3, dropout=0.3, recurrent_dropout=0.3),
    "CutMix": _image("CutMix"),
    "MixUp": _image("MixUp"),
    # On torch RandomBrightness modifies its input in place, which RandAugment then reads.
    "RandAugment": replace(_image("RandAugment", num_ops=1), sums=False),
    "RandomBrightness": _image("RandomBrightness", factor=0.4),
    "RandomColorDegeneration": _image("RandomColorDegeneration", factor=0.6),
    "RandomColorJitter": _image(
        "RandomColorJitter", brightness_factor=0.3, contrast_factor=0.3, saturation_factor=0.3, hue_factor=0.2
    ),
    "RandomContrast": _image("RandomContrast", factor=0.4),
    # Keras crops in training only, so the shapes of such a model differ between training and prediction.
    "RandomCrop": replace(_image("RandomCrop", height=7, width=6), steps=False),
    "RandomElasticTransform": _image("RandomElasticTransform", factor=1.0, scale=1.0, fill_mode="nearest"),
    "RandomErasing": _image("RandomErasing", factor=1.0),
    "RandomFlip": _image("RandomFlip"),
    "RandomGaussianBlur": _image("RandomGaussianBlur", factor=1.0),
    "RandomGrayscale": _image("RandomGrayscale", factor=0.5),
    "RandomHue": _image("RandomHue", factor=0.5),
    "RandomInvert": _image("RandomInvert", factor=0.9),
    "RandomPerspective": _image("RandomPerspective", factor=1.0, scale=0.5),
    "RandomPosterization": _image("RandomPosterization", factor=6),
    "RandomRotation": _image("RandomRotation", factor=0.3),
    "RandomSaturation": _image("RandomSaturation", factor=0.4),
    "RandomSharpness": _image("RandomSharpness", factor=0.6),
    "RandomShear": _image("RandomShear", x_factor=0.4, y_factor=0.4),
    "RandomTranslation": _image("RandomTranslation", height_factor=0.3, width_factor=0.3),
    "RandomZoom": _image("RandomZoom", height_factor=0.3, width_factor=0.2),
    "Solarization": _image("Solarization", addition_factor=0.4, threshold_factor=0.6),
}


def measured(case: Case) -> dict[str, Any]:
    """Return digests of the words of two calls and of the mask, and six sums of outputs.

    The sums are the mean of the outputs times waves of different lengths, so that no two elements have the same weight.
    """
    keras.utils.set_random_seed(SEED)
    with keras_patch.portable_random():
        layer = case.build()
        layer(case.x, training=False)  # builds it, which draws symbolically
        with bits.capture_draws() as drawn:
            outputs = np.stack([_host(layer(case.x, training=True)) for _ in range(2)]).astype("float64")
    found: dict[str, Any] = {"words": _digest(_host(word) for word in drawn)}
    if case.sums:
        waves = np.cos(np.outer(np.arange(6), 0.1 + np.arange(outputs.size) * 0.7))
        found["sums"] = np.round(waves @ outputs.ravel(), 6).tolist()
    return {**found, "mask": _digest([outputs != 0])} if case.mask else found


def _host(tensor: Any) -> np.ndarray[Any, Any]:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _digest(arrays: Any) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


if __name__ == "__main__":
    lines = (f'  "{name}": {json.dumps(measured(case))}' for name, case in CASES.items())
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
