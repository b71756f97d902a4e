"""Errors in custom steps: one sentence, the same on every backend, and no changes."""

import random
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, NotPortableError, StepError
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, mlp, seeded

ops = keras.ops
X, Y = CASES["MLP"].arrays(64)
FILE = "test_custom_step_errors.py"
losses_seen, state = [], {"count": 0}
total = 0
generator = np.random.default_rng(0)


def mean(model, batch):
    return ops.mean(model(batch.x) ** 2)


def nothing(model, batch):
    mean(model, batch)


def empty(model, batch):
    return {}


def words(model, batch):
    return "loss"


def two_tensors(model, batch):
    return mean(model, batch), mean(model, batch)


def values_alone(model, batch):
    return {"loss": None}


def vector(model, batch):
    return ops.mean(model(batch.x) ** 2, axis=-1)


def vector_by_name(model, batch):
    return {"left": kb.Objective(model(batch.x))}


def named_vector(model, batch):
    return mean(model, batch), {"outputs": model(batch.x)}


def of_the_data(model, batch):
    return ops.mean(batch.x)


def a_number(model, batch):
    return 1.0


def stopped(model, batch):
    return ops.stop_gradient(mean(model, batch))


def chosen(model, batch):
    return ops.mean(ops.cast(ops.argmax(model(batch.x), axis=-1), "float32"))


def of_another_layer(model, batch):
    hidden = model.layers[0](batch.x)
    return {"last": kb.Objective(ops.mean(hidden), model.layers[-1])}


def inside(model, batch):
    return kb.value_and_grad(lambda: ops.mean(batch.x), model)[0]


def vector_inside(model, batch):
    kb.grad(lambda x: model(x))(batch.x)
    return mean(model, batch)


def twice_in_one(model, batch):
    return kb.Objective(mean(model, batch), [model, model.layers[0]])


def twice_inside(model, batch):
    return kb.value_and_grad(lambda: mean(model, batch), [model, model])[0]


def twice_in_two(model, batch):
    loss = mean(model, batch)
    return {"all": kb.Objective(loss, model), "first": kb.Objective(loss, model.layers[0])}


def not_trainable(model, batch):
    return kb.Objective(mean(model, batch), [model, model.optimizer.iterations])


def by_name(model, batch):
    return kb.Objective(mean(model, batch), "dense")


def too_few_gradients(model, batch):
    loss, gradients = kb.value_and_grad(lambda: mean(model, batch), model)
    return kb.Objective(loss, gradients=gradients[:-1])


def branch(model, batch):
    loss = mean(model, batch)
    if loss > 1:  # the line
        loss = 2 * loss
    return loss


def loop_over_a_number(model, batch):
    loss = mean(model, batch)
    while loss < 0:
        loss = loss + 1
    return loss


def python_number(model, batch):
    loss = mean(model, batch)
    return loss * float(loss)


def numpy_function(model, batch):
    return mean(model, batch) + np.mean(ops.convert_to_numpy(model(batch.x)))


def appended(model, batch):
    loss = mean(model, batch)
    losses_seen.append(loss)
    return loss


def counted(model, batch):
    state["count"] += 1
    return mean(model, batch)


def counted_globally(model, batch):
    global total
    total = total + 1
    return mean(model, batch)


def set_on_the_model(model, batch):
    model.last_loss = mean(model, batch)
    return model.last_loss


class Counting:
    """An object that counts its calls."""

    calls = 0

    def __call__(self, model, batch):
        self.calls += 1
        return mean(model, batch)


def pythons_random(model, batch):
    return mean(model, batch) * random.random()


def numpys_random(model, batch):
    return mean(model, batch) + np.random.normal()


def numpys_generator(model, batch):
    return mean(model, batch) + generator.normal()


def applied(model, batch):
    loss, gradients = kb.value_and_grad(lambda: mean(model, batch), model)
    model.optimizer.apply(gradients, model.trainable_variables)
    return loss


def all_frozen(model, batch):
    return kb.Objective(mean(model, batch), [])


def named_optimizer(model, batch):
    return kb.Objective(mean(model, batch), model, "adam")


def optimizer_made_here(model, batch):
    return kb.Objective(mean(model, batch), model, keras.optimizers.Adam(0.1))


def layer_made_here(model, batch):
    return ops.mean(keras.layers.Dense(1)(model(batch.x)))


def gradients_of_another_shape(model, batch):
    return kb.Objective(mean(model, batch), gradients=[ops.zeros((1,))] * 4)


def complex_loss(model, batch):
    return ops.cast(mean(model, batch), "complex64")


def gradient_by_whole_numbers(model, batch):
    kb.grad(lambda x: ops.sum(ops.cast(x, "float32")))(ops.cast(batch.x, "int32"))
    return mean(model, batch)


def gradient_by_nothing(model, batch):
    kb.grad(lambda nest: ops.sum(nest["x"]))({"x": batch.x, "none": None})
    return mean(model, batch)


def written_in_a_branch(model, batch):
    loss, state = mean(model, batch), model.layers[0].bias
    return ops.cond(loss > 100, lambda: state.assign(state * 2)[0] + loss, lambda: loss)


def new_generator(model, batch):
    noise = keras.random.normal(ops.shape(batch.x), seed=keras.random.SeedGenerator(3))
    return ops.mean(model(batch.x + noise))


def at(text):
    """Return the place of a line in this file."""
    lines = Path(__file__).read_text().splitlines()
    return f'line {[line.strip() for line in lines].index(text) + 1} of {FILE}, "{text}"'


EXPECTED = "a scalar loss, a kb.Objective, or a dict of them by name"
INDEPENDENT = "to depend on its variables"
COMPILED = "needs the value of a tensor in Python. Write keras.ops.where or keras.ops.cond"
ONCE = "the step is compiled, so its Python runs once and not once a step."
WRONG = {
    nothing: f"Expected the step to return {EXPECTED}",
    empty: "received an empty dict",
    words: "received str",
    two_tensors: "received tuple of 2",
    values_alone: "received None",
    vector: "Expected the loss to be a scalar, received the shape (16,). Reduce it with keras.ops.mean",
    vector_by_name: "Expected the loss of 'left' to be a scalar, received the shape (16, 5).",
    named_vector: "Expected the value 'outputs' to be a scalar, received the shape (16, 5).",
    of_the_data: f"Expected the loss of the step {INDEPENDENT}",
    a_number: INDEPENDENT,
    stopped: INDEPENDENT,
    chosen: INDEPENDENT,
    of_another_layer: f"Expected the loss of 'last' {INDEPENDENT}",
    inside: f"Expected the loss of kb.value_and_grad {INDEPENDENT}",
    vector_inside: "the value that kb.grad differentiates to be a scalar, received the shape (16, 5)",
    twice_in_one: "Expected every variable once, received",
    twice_inside: "twice in kb.value_and_grad. Name it once.",
    twice_in_two: "in 'all' and 'first'. Add the two losses, or pass two steps: step=[first, second].",
    not_trainable: "Expected trainable variables for the loss, received",
    by_name: "Expected variables, a model, a layer or a list of these to train; received str.",
    too_few_gradients: "Expected a gradient for each of the 4 variables of the loss, received 3.",
    branch: f'of {FILE}, "if loss > 1:  # the line" {COMPILED}',
    loop_over_a_number: f'of {FILE}, "while loss < 0:" {COMPILED}',
    python_number: f'of {FILE}, "return loss * float(loss)" {COMPILED}',
    numpy_function: "return mean(model, batch) + np.mean(ops.convert_to_numpy(model(batch.x)))",
    appended: f"that it changes losses_seen in {at('losses_seen.append(loss)')}: {ONCE}",
    counted: f'"state["count"] += 1": {ONCE}',
    counted_globally: f"that it changes total in {at('total = total + 1')}: {ONCE}",
    set_on_the_model: '"model.last_loss = mean(model, batch)"',
    pythons_random: "it draws from Python's random module in line",
    numpys_random: '"return mean(model, batch) + np.random.normal()"',
    numpys_generator: "that it changes generator",
    applied: "Expected a step that leaves its optimizers to kerasbridge, found one that calls apply.",
    all_frozen: "Expected trainable variables for the loss, found none: everything that it names is frozen.",
    named_optimizer: "Expected a keras.optimizers.Optimizer for the loss, received str.",
    optimizer_made_here: 'model, keras.optimizers.Adam(0.1))" creates one. Create optimizers, layers, variables',
    layer_made_here: "kernel. Create layers, variables and seed generators once, as attributes of the model.",
    gradients_of_another_shape: "Expected a gradient of the shape (12, 32) for",
    complex_loss: "Expected the loss to be a real number, received complex64.",
    gradient_by_whole_numbers: "Expected floating-point tensors to take a gradient by, received int32.",
    gradient_by_nothing: "Expected floating-point tensors to take a gradient by, received None.",
    written_in_a_branch: "Expected branches of keras.ops.cond that change no variable, found one that changes",
    new_generator: "seed_generator_state. Create layers, variables and seed generators once",
}


@pytest.mark.parametrize("step", WRONG, ids=lambda step: step.__name__)
def test_a_wrong_step_raises_one_sentence_and_changes_nothing(step):
    model = seeded(mlp)
    before = model.get_weights()
    with pytest.raises(StepError) as caught:
        kb.fit(model, X, Y, batch_size=16, verbose=0, step=step)
    assert type(caught.value) is StepError
    assert WRONG[step] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert all((one == two).all() for one, two in zip(model.get_weights(), before, strict=True))


def test_an_object_that_counts_its_calls_is_rejected():
    with pytest.raises(StepError, match=r'changes self\.calls in line \d+ of .*, "self\.calls \+= 1": the step is'):
        kb.fit(mlp(), X, Y, verbose=0, step=Counting())


def test_an_eager_step_may_read_values():
    def step(model, batch):
        loss = mean(model, batch)
        return 2 * loss if float(ops.stop_gradient(loss)) > 0 else loss

    history = kb.fit(mlp(run_eagerly=True), X, Y, batch_size=16, verbose=0, step=step)
    assert history.params["execution"] == "eager"


@pytest.mark.parametrize("step", [3, [], [mean, None], "mean", int, lambda model: model, lambda a, b, c: a])
def test_a_step_that_is_not_a_function_is_rejected(step):
    with pytest.raises(ArgumentError, match=r"^Expected step to be a function of \(model, batch\)"):
        kb.fit(mlp(), X, Y, verbose=0, step=step)


def test_a_name_error_stays_a_name_error():
    def step(model, batch):
        return batch.x.foo()

    with pytest.raises(AttributeError, match="foo"):
        kb.fit(mlp(), X, Y, verbose=0, step=step)


def test_a_model_without_an_optimizer_raises_an_error_with_the_fix():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(5)])
    with pytest.raises(StepError, match=r'^Expected an optimizer for the loss, found none.*model\.compile\("adam"\)'):
        kb.fit(model, X, Y, verbose=0, step=mean)


def test_an_optimizer_built_for_other_variables_is_rejected():
    model, other = seeded(mlp), seeded(mlp)

    def step(model, batch):
        return kb.Objective(mean(model, batch), other, model.optimizer)

    kb.fit(model, X, Y, verbose=0, step=mean)
    with pytest.raises(StepError, match=r"^Expected the optimizer 'adam\w*' to update variables that it was built for"):
        kb.fit(model, X, Y, verbose=0, step=step)


def test_validation_needs_a_training_parameter_or_a_compiled_loss():
    model = mlp(loss=None, metrics=None)
    with pytest.raises(StepError, match=r"^Expected a step with a `training` parameter, or a model compiled"):
        kb.fit(model, X, Y, validation_data=(X, Y), verbose=0, step=mean)


def test_what_cannot_be_drawn_portably_raises_an_error():
    seeds = keras.random.SeedGenerator(0)

    def step(model, batch):
        counts = ops.cast(batch.x[:, 0] > 0, "int32")
        return mean(model, batch) + ops.sum(keras.random.binomial((16,), counts, 0.5, seed=seeds))

    with pytest.raises(NotPortableError, match=r"^Expected the counts of keras\.random\.binomial"):
        kb.fit(mlp(), X, Y, batch_size=16, verbose=0, step=step)
