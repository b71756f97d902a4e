"""Knowledge distillation: a small student learns from the probabilities of a larger teacher.

    python distillation.py

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. The step is an object with the teacher
as an attribute. The student is evaluated with the loss and metrics that it was compiled with.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
from keras import layers, ops


def network(width: int) -> keras.Model:
    """Return a compiled MLP that outputs logits."""
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(width, activation="relu"),
            layers.Dropout(0.2 if width > 100 else 0.0),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.002), loss, metrics=["accuracy"])
    return model


class Distillation:
    """The training step of the student: mostly the softened probabilities of the teacher, and partly the labels."""

    def __init__(self, teacher: keras.Model, temperature: float = 4.0, share: float = 0.9) -> None:
        self.teacher, self.temperature, self.share = teacher, temperature, share

    def __call__(self, student, batch):
        """Return the loss of one batch, and its two parts."""
        logits = student(batch.x, training=True)
        soft = ops.softmax(self.teacher(batch.x, training=False) / self.temperature)
        from_teacher = keras.losses.categorical_crossentropy(soft, logits / self.temperature, from_logits=True)
        from_labels = keras.losses.sparse_categorical_crossentropy(batch.y, logits, from_logits=True)
        teacher, labels = ops.mean(from_teacher) * self.temperature**2, ops.mean(from_labels)
        return self.share * teacher + (1 - self.share) * labels, {"from_teacher": teacher, "from_labels": labels}


def main() -> None:
    """Train a teacher of 256 units, and a student of 16."""
    kb.seed_everything(0)
    data = kb.datasets.mnist()
    train, test = data.x_train / 255, (data.x_test / 255, data.y_test)
    teacher, student = network(256), network(16)
    kb.fit(teacher, train, data.y_train, epochs=6, seed=0, verbose=0)
    step = Distillation(teacher)
    kb.fit(student, train, data.y_train, epochs=8, validation_data=test, seed=0, step=step)
    scores = [kb.evaluate(model, *test, verbose=0)[1] for model in (teacher, student)]
    weights = [model.count_params() for model in (teacher, student)]
    print(f"teacher: {weights[0]} weights, test accuracy {scores[0]:.4f}")
    print(f"student: {weights[1]} weights, test accuracy {scores[1]:.4f}")


if __name__ == "__main__":
    main()
