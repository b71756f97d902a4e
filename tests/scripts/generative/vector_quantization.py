"""Quantize codes with a straight-through gradient and losses of the layer, then learn the order of the codes."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(37)
rng = np.random.default_rng(37)

SIZE, CODES, WIDTH = 8, 6, 4


class VectorQuantizer(layers.Layer):
    """Replace vectors by the nearest of a codebook, and add the losses that move both towards each other."""

    def __init__(self, codes, width, commitment=0.25, **kwargs):
        super().__init__(**kwargs)
        self.codes, self.width, self.commitment = codes, width, commitment
        self.codebook = self.add_weight(
            shape=(width, codes), initializer=keras.initializers.RandomUniform(-1, 1), name="codebook"
        )
        self.usage = self.add_weight(shape=(codes,), initializer="zeros", trainable=False, name="usage")

    def indices(self, flat):
        """Return the number of the nearest code of each row."""
        distances = ops.sum(flat**2, axis=1, keepdims=True) + ops.sum(self.codebook**2, axis=0)
        return ops.argmin(distances - 2 * ops.matmul(flat, self.codebook), axis=1)

    def call(self, x, training=None):
        flat = ops.reshape(x, (-1, self.width))
        one_hot = ops.one_hot(self.indices(flat), self.codes)
        quantized = ops.reshape(ops.matmul(one_hot, ops.transpose(self.codebook)), ops.shape(x))
        self.add_loss(self.commitment * ops.mean((ops.stop_gradient(quantized) - x) ** 2))
        self.add_loss(ops.mean((quantized - ops.stop_gradient(x)) ** 2))
        if training:
            self.usage.assign(0.9 * self.usage + 0.1 * ops.sum(one_hot, axis=0))
        return x + ops.stop_gradient(quantized - x)


class UsedCodes(keras.callbacks.Callback):
    """Log how many codes are in use."""

    def __init__(self, quantizer):
        super().__init__()
        self.quantizer = quantizer

    def on_epoch_end(self, epoch, logs=None):
        logs["used"] = int((ops.convert_to_numpy(self.quantizer.usage) > 0.5).sum())


def masked(kernel_shape):
    """Return a mask of a convolution kernel whose pixel sees only earlier ones."""
    mask = np.zeros(kernel_shape, "float32")
    mask[: kernel_shape[0] // 2] = 1
    mask[kernel_shape[0] // 2, : kernel_shape[1] // 2] = 1
    return mask


class MaskedConv2D(layers.Conv2D):
    """Convolve with a kernel that is zero where later pixels are."""

    def build(self, input_shape):
        super().build(input_shape)
        self.mask = ops.convert_to_tensor(masked(tuple(self.kernel.shape)))

    def call(self, inputs):
        outputs = ops.conv(inputs, self.kernel * self.mask, strides=1, padding=self.padding)
        return self.activation(outputs + self.bias)


images = rng.normal(0, 0.1, (96, SIZE, SIZE, 1)) + rng.integers(0, 3, (96, 2, 2, 1)).repeat(4, 1).repeat(4, 2) - 1
images = images.astype("float32")
quantizer = VectorQuantizer(CODES, WIDTH, name="quantizer")
encoder = keras.Sequential(
    [
        keras.Input((SIZE, SIZE, 1)),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(WIDTH, 1),
    ]
)
inputs = keras.Input((SIZE, SIZE, 1))
h = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="relu")(quantizer(encoder(inputs)))
autoencoder = keras.Model(inputs, layers.Conv2D(1, 3, padding="same")(h))
autoencoder.compile(keras.optimizers.Adam(5e-3, epsilon=1e-4), loss=keras.losses.Huber(delta=0.5), metrics=["mse"])
autoencoder.fit(images, images, batch_size=16, epochs=3, callbacks=[UsedCodes(quantizer)], verbose=0)
autoencoder.evaluate(images[:32], images[:32], verbose=0)

# A small autoregressive model learns which codes follow each other.
encoded = encoder.predict(images, verbose=0)
codes = ops.convert_to_numpy(quantizer.indices(encoded.reshape(-1, WIDTH))).reshape(encoded.shape[:-1]).astype("int32")
inputs = keras.Input(codes.shape[1:], dtype="int32")
h = layers.CategoryEncoding(CODES, output_mode="one_hot")(layers.Reshape((*codes.shape[1:], 1))(inputs))
h = MaskedConv2D(8, 3, padding="same", activation="relu")(h)
prior = keras.Model(inputs, layers.Conv2D(CODES, 1)(h))
prior.compile(
    keras.optimizers.SGD(0.1, momentum=0.9),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
prior.fit(codes, codes, batch_size=32, epochs=2, validation_split=0.25, verbose=0)
