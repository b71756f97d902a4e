"""MNIST on one screen: train a small network with kerasbridge.

    python mnist.py                        the 5,000 digits included in kerasbridge
    python mnist.py full                   all 70,000 digits, downloaded by Keras
    python mnist.py digits.npz             a file with x_train, y_train, x_test and y_test
    KERAS_BACKEND=torch python mnist.py    on another backend

Prints the accuracy on digits that the network has not been trained on.
"""

import sys

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
from keras import layers

# One seed determines the initial weights, the order of the digits and the dropout masks, on every backend.
kb.seed_everything(0)

# Images of 28 x 28 grey values from 0 to 255, and the digit that each of them shows.
data = kb.datasets.mnist(*sys.argv[1:])
x_train, x_test = data.x_train / 255, data.x_test / 255

model = keras.Sequential(
    [
        keras.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])

# In Keras: model.fit(x_train, data.y_train, epochs=5)
kb.fit(model, x_train, data.y_train, epochs=5, seed=0)

loss, accuracy = kb.evaluate(model, x_test, data.y_test, verbose=0)
print(f"test loss {loss:.4f}  test accuracy {accuracy:.4f}")

digits = kb.predict(model, x_test[:10], verbose=0).argmax(axis=1)
print("predicted", *digits)
print("labels   ", *data.y_test[:10])
