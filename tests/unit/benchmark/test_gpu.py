"""The GPU script measures in its order, ends in time and names what is missing; the card is a fake."""

from dataclasses import replace

import pytest

from kerasbridge.benchmark import gpu
from kerasbridge.runtime import backend
from kerasbridge.runtime.backend_status import BackendStatus
from kerasbridge.runtime.conversation import ChildEnded
from kerasbridge.runtime.subprocesses import ChildResult

TORCH = BackendStatus("torch", True, "2.13", ("cpu", "gpu:0"), None, None, default=True)
JAX = BackendStatus("jax", True, "0.10", ("cpu", "gpu:0"), None, None, default=False)
BLIND = BackendStatus("jax", True, "0.10", ("cpu",), "jax sees no gpu", 'pip install "jax[cuda13]"', default=False)
ABSENT = BackendStatus("jax", False, None, (), None, 'pip install "kerasbridge[jax]"', default=False)


class Card:
    """Processes that answer at once; each takes some seconds of the fake clock."""

    def __init__(self):
        self.now, self.seconds, self.asked, self.fail = 0.0, 5.0, [], {}
        self.loss = {"cpu": 0.5, "gpu": 0.5}

    def clock(self):
        return self.now

    def environment(self, name, device):
        return {"name": name, "device": device}

    def __call__(self, module, path, *, environment):
        self.now += self.seconds
        task = gpu.Task.read(path)
        where = f"{environment['name']} on {environment['device']}, {task.workload.name} {task.workload.batch_size}"
        card = self

        class Child:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def ask(self, request, timeout):
                card.asked.append(f"{where}: {request['do']}")
                if where in card.fail:
                    raise ChildEnded(ChildResult(7, b"", card.fail[where]))
                laps = {"reach": {"to accuracy": [(0.8, 1.0)]}, "steps": {"epoch": [(0.5, 0.5), (0.5, 0.5)]}}
                return {
                    "laps": laps.get(request["do"], {}),
                    "loss": card.loss[environment["device"]],
                    "launches": {"kernels": 100, "graphs": 50},
                    "peaks": {"flops": 1e13, "bytes": 1e12},
                }

        return Child()


@pytest.fixture
def card(monkeypatch):
    card = Card()
    monkeypatch.setattr(gpu, "Conversation", card)
    monkeypatch.setattr(backend, "child_environment", card.environment)
    return card


def measured(card, *statuses, seconds=10_000.0, digits="mnist.npz"):
    return gpu.Measurement(seconds, digits, card.clock).run(statuses, ["torch", "jax"])


def test_everything_is_measured_in_the_order_of_importance(card):
    report = measured(card, JAX, TORCH)
    assert report.missing == ["jax: launches per step, which are counted with torch only"]
    order = list(dict.fromkeys(asked.split(":")[0] for asked in card.asked))
    assert order[:6] == [
        "jax on cpu, mlp 32", "jax on gpu, mlp 32", "torch on cpu, mlp 32", "torch on gpu, mlp 32",
        "jax on gpu, mlp-1024 1024", "torch on gpu, mlp-1024 1024",
    ]  # fmt: skip
    assert report.launches == {
        f"torch, {model}": {"kernels": 100 / gpu.COUNTED_STEPS, "graphs": 50 / gpu.COUNTED_STEPS}
        for model in ("mlp", "cnn")
    }
    assert report.to_accuracy == {f"{name}, mlp, batch 1024": 0.8 for name in ("jax", "torch")}
    assert len(report.steps) == 2 * 2 * len(gpu.BATCH_SIZES)
    assert report.steps[0].seconds == 0.5 / gpu.STEPS
    assert report.agrees
    text = report.as_text()
    assert "torch: loss 0.500000 on the CPU, 0.500000 on the GPU: the same" in text
    assert "torch, mlp: 2 kernels and 1 graphs launched per step" in text
    assert "torch, mlp, batch 1024: 97.5 % after 0.8 s of training" in text
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 2 + len(report.steps)


def test_the_shares_are_those_of_the_peaks():
    report = gpu.Report(peaks={"flops": 1e12, "bytes": 1e12}, steps=[gpu.StepTime("torch", "mlp", 1000, 1e-3)])
    assert "| 61.0%" in report.as_text()  # 6 * 101,632 operations for each of 1,000 images in a millisecond
    assert "| 0.6%" in report.as_text()
    assert "| 1,000,000 " in report.as_text()
    assert "%" not in gpu.Report(steps=report.steps).as_text()


def test_the_time_ends_before_the_last_figures(card):
    report = measured(card, TORCH, seconds=60.0)
    assert report.parity
    assert report.missing[-1] == "torch: cnn, batch 2048: the time was over"
    assert card.now <= 60
    assert 0 < len(report.steps) < 2 * len(gpu.BATCH_SIZES)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (BLIND, 'jax: jax sees no gpu; type: pip install "jax[cuda13]"'),
        (ABSENT, 'jax: not installed; type: pip install "kerasbridge[jax]"'),
    ],
)
def test_a_backend_without_a_gpu_is_named_and_not_measured(card, status, line):
    report = measured(card, status)
    assert report.missing == [line]
    assert card.asked == []
    assert f"missing: {line}" in report.as_text()


def test_a_process_that_fails_is_named_and_the_others_go_on(card):
    card.fail["torch on gpu, cnn 8192"] = "out of memory"
    report = measured(card, TORCH, digits="")
    assert report.missing == [
        "the full MNIST until 97.5 %: pass --data mnist.npz",
        "torch: cnn, batch 8192: the process ended with code 7:\nout of memory",
    ]
    assert len(report.steps) == 2 * len(gpu.BATCH_SIZES) - 1


def test_a_version_that_is_not_tested_is_measured_and_named(card):
    report = measured(card, replace(JAX, version="0.11", problem="0.11 is newer than the tested 0.7-0.10"))
    assert "jax: 0.11 is newer than the tested 0.7-0.10" in report.as_text().splitlines()
    assert len(report.steps) == 2 * len(gpu.BATCH_SIZES)
    assert report.missing[-1] == "shares of peak and bandwidth, which are measured with torch only"


def test_another_loss_on_the_gpu_is_found(card):
    card.loss["gpu"] = 0.51
    report = measured(card, TORCH)
    assert not report.agrees
    assert "torch: loss 0.500000 on the CPU, 0.510000 on the GPU: different" in report.as_text()


def test_the_operations_and_parameters_are_those_of_the_models():
    dense = 784 * 128 + 128 * 10
    convolutions = 26 * 26 * 9 * 32 + 11 * 11 * 9 * 32 * 64 + 1600 * 10
    assert {"mlp": 6 * dense, "cnn": 6 * convolutions} == gpu.OPERATIONS
    assert {"mlp": dense + 138, "cnn": 9 * 32 + 32 + 9 * 32 * 64 + 64 + 16_010} == gpu.PARAMETERS
