"""Print the first losses of the examples' custom steps on this backend as JSON: custom_steps.py STEPS EXAMPLE…"""

import importlib
import json
import sys
from pathlib import Path

import kerasbridge as kb

EXAMPLES = Path(__file__).parents[2] / "examples"
BATCH = 64


def autoencoder(example):
    """Return its model, step and data."""
    return example.build(), example.step, (example.images(),)


def distillation(example):
    """Use an untrained teacher, which is sufficient here."""
    data = kb.datasets.mnist()
    kb.seed_everything(0)
    teacher, student = example.network(256), example.network(16)
    return student, example.Distillation(teacher), (data.x_train / 255, data.y_train)


def sharpness_aware(example):
    """Use the small MLP."""
    data = kb.datasets.mnist()
    kb.seed_everything(0)
    model = kb.models.mlp()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, example.step, (data.x_train / 255, data.y_train)


def gradient_penalty(example):
    """Use points in the plane."""
    kb.seed_everything(0)
    return example.WassersteinGan(), example.STEP, (example.points()[0],)


SETUPS = {
    "variational_autoencoder": autoencoder,
    "gan": autoencoder,
    "distillation": distillation,
    "sharpness_aware": sharpness_aware,
    "gradient_penalty": gradient_penalty,
}


def losses(name, steps):
    """Return the logs of each step, with one call of `fit` per step, and the execution."""
    sys.path.insert(0, str(EXAMPLES))
    model, step, data = SETUPS[name](importlib.import_module(name))
    seen = []
    for k in range(steps):
        rows = [part[k * BATCH : (k + 1) * BATCH] for part in data]
        history = kb.fit(model, *rows, batch_size=BATCH, shuffle=False, verbose=0, step=step)
        seen.append({key: values[0] for key, values in history.history.items()})
    return {"logs": seen, "execution": history.params["execution"]}


if __name__ == "__main__":
    count, *examples = sys.argv[1:]
    print(json.dumps({name: losses(name, int(count)) for name in examples}))
