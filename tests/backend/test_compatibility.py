"""Files written by an older kerasbridge can still be opened: compatibility/README.md lists them."""

import json
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
import kerasbridge.importers.layers
from kerasbridge.keras_compat import keras
from kerasbridge.parity.record import Record

FILES = Path(__file__).parent / "compatibility"


def test_a_run_folder_opens_with_its_history():
    run = kb.runs.load(FILES / "run")
    lines = [json.loads(line) for line in (FILES / "run" / "history.jsonl").read_text().splitlines()]
    assert run.history == {name: [line[name] for line in lines] for name in run.history}
    assert {"epoch", "loss", "val_loss"} <= set(run.history)
    assert (run.config.backend, run.config.seed, run.config.epochs) == ("torch", 4, 2)


def test_old_names_of_execution_are_converted():
    assert json.loads((FILES / "run" / "config.json").read_text())["execution"] == "step by step"
    assert kb.runs.load(FILES / "run").config.execution == "eager"
    assert "jitted steps" in str(np.load(FILES / "record.npz")["words"])
    assert Record.read(FILES / "record.npz").execution == "jit"


def test_the_model_of_a_run_folder_evaluates_as_it_did():
    run, data = kb.runs.load(FILES / "run"), kb.datasets.mnist()
    x, y = data.x_test[:32] / 255, data.y_test[:32]
    scores = kb.evaluate(run.load_model(), x, y, verbose=0, return_dict=True)
    assert scores == pytest.approx({name: run.history[f"val_{name}"][-1] for name in scores}, rel=1e-5)


def test_training_still_follows_a_record(backend):
    found = kb.compare(script=f"{FILES / 'small_cnn.py'}:cnn", seed=2, backends=[backend], against=FILES / "record.npz")
    assert [check.where for check in found.judgement.digests if not check.equal] == []
    assert found.agree, [(pair.step, pair.quantity, pair.shown()) for pair in found.judgement.pairs]


def test_a_model_of_all_our_own_layers_computes_what_it_did():
    with np.load(FILES / "own_layers.npz") as file:
        arrays = dict(file)
    model = keras.saving.load_model(FILES / "own_layers.keras")
    outputs = model({name.removeprefix("x/"): value for name, value in arrays.items() if name.startswith("x/")})
    assert {f"y/{name}" for name in outputs} == {name for name in arrays if name.startswith("y/")}
    for name, output in outputs.items():
        value = keras.ops.convert_to_numpy(output)
        np.testing.assert_allclose(value, arrays[f"y/{name}"], rtol=1e-4, atol=1e-5, err_msg=name)
