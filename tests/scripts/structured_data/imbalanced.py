"""Find rare frauds with class weights and counting metrics."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(33)
rng = np.random.default_rng(33)
features = rng.normal(size=(200, 12)).astype("float32")
targets = (features[:, 0] + features[:, 1] > 2.0).astype("uint8")[:, None]
split = 160
train, validation = features[:split], features[split:]
mean, std = train.mean(axis=0), train.std(axis=0)
train, validation = (train - mean) / std, (validation - mean) / std
counts = np.bincount(targets[:split, 0])
class_weight = {0: 1.0 / counts[0], 1: 1.0 / counts[1]}

model = keras.Sequential(
    [
        keras.Input(shape=train.shape[1:]),
        layers.Dense(16, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(8, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss="binary_crossentropy",
    metrics=[
        keras.metrics.FalseNegatives(name="fn"),
        keras.metrics.FalsePositives(name="fp"),
        keras.metrics.TrueNegatives(name="tn"),
        keras.metrics.TruePositives(name="tp"),
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(curve="PR", num_thresholds=20, name="prc"),
    ],
    weighted_metrics=["accuracy"],
)
bias = np.log(counts[1] / counts[0])
model.layers[-1].bias.assign([bias])
model.fit(
    train,
    targets[:split],
    batch_size=32,
    epochs=3,
    class_weight=class_weight,
    verbose=0,
)
model.evaluate(validation, targets[split:], batch_size=16, return_dict=True, verbose=0)
