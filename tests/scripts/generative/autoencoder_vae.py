"""Train a variational autoencoder whose sampling layer adds the divergence as a loss."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(2)
x = np.random.default_rng(2).random((128, 16)).astype("float32")


class Sampling(layers.Layer):
    """Draw from the normal distribution of the encoder, and add its divergence from the standard one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_var = inputs
        divergence = -0.5 * (1 + log_var - ops.square(mean) - ops.exp(log_var))
        self.add_loss(ops.mean(ops.sum(divergence, axis=1)))
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


inputs = keras.Input((16,))
h = layers.Dense(12, activation="relu")(inputs)
z = Sampling()([layers.Dense(2)(h), layers.Dense(2)(h)])
outputs = layers.Dense(16, activation="sigmoid")(layers.Dense(12, activation="relu")(z))
model = keras.Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
model.fit(x, x, batch_size=32, epochs=3, verbose=0)
