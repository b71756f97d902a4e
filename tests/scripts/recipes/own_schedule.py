"""Train on dicts of a tf.data dataset with an own schedule, an own optimizer and clipped gradients."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

keras.utils.set_random_seed(56)
rng = np.random.default_rng(56)
data = {
    "left": rng.normal(size=(128, 4)).astype("float32"),
    "right": rng.normal(size=(128, 3)).astype("float32"),
}
y = (data["left"].sum(axis=1) * data["right"][:, 0]).astype("float32")
dataset = tf.data.Dataset.from_tensor_slices((data, {"product": y}, {"product": np.linspace(0.5, 1, 128)}))
train = (
    dataset.take(96)
    .cache()
    .shuffle(96, seed=56, reshuffle_each_iteration=False)
    .batch(16, drop_remainder=True)
    .prefetch(tf.data.AUTOTUNE)
)
validation = dataset.skip(96).batch(12)


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Raise the rate linearly, then let it fall with the square root of the step."""

    def __init__(self, size, warmup_steps):
        super().__init__()
        self.size, self.warmup_steps = size, warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1.0
        return self.size**-0.5 * ops.minimum(ops.rsqrt(step), step * self.warmup_steps**-1.5)

    def get_config(self):
        return {"size": self.size, "warmup_steps": self.warmup_steps}


class SignMomentum(keras.optimizers.Optimizer):
    """Move each weight by the sign of a moving average of its gradient."""

    def __init__(self, learning_rate=0.01, beta=0.9, name="sign_momentum", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta = beta

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momenta = [self.add_variable_from_reference(v, "momentum") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        momentum = self.momenta[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign(momentum, self.beta * momentum + (1 - self.beta) * gradient)
        self.assign_sub(variable, rate * ops.tanh(10.0 * momentum))


def network():
    """Return a model of two inputs by name."""
    inputs = {"right": keras.Input((3,), name="right"), "left": keras.Input((4,), name="left")}
    shared = layers.Dense(8, activation="tanh", name="shared")
    left = shared(layers.Dense(6)(inputs["left"]))
    right = shared(layers.Dense(6)(inputs["right"]))
    h = layers.Concatenate()([left, right, layers.Multiply()([left, right])])
    return keras.Model(inputs, {"product": layers.Dense(1, name="product")(h)})


model = network()
model.compile(
    keras.optimizers.Adam(WarmUp(16, 5), beta_2=0.98, clipvalue=0.5),
    loss={"product": "mse"},
    metrics={"product": "mae"},
)
model.fit(train, epochs=3, validation_data=validation, verbose=0)
model.evaluate(validation, verbose=0)

model = network()
model.compile(SignMomentum(WarmUp(400, 5), clipnorm=1.0, weight_decay=0.01), loss="mean_absolute_error")
model.fit(train, epochs=2, verbose=0)
model.predict(validation.map(lambda x, y, w: x), verbose=0)
