"""Results print as a short text, as a table in a notebook, and in one line in a failed assertion."""

import re

import pytest

import kerasbridge as kb
from kerasbridge.exporters.result import ExportResult
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.parity.compare import Comparison
from kerasbridge.parity.tolerances import TABLE
from kerasbridge.parity.verdict import judge
from kerasbridge.runtime.backend_status import BackendStatus, Statuses
from kerasbridge.runtime.results import MAX_ROWS, Summary
from tests.unit.benchmark.test_bench_result import measured, result
from tests.unit.parity.records import apart, record
from tests.unit.parity.test_diagnosis import found
from tests.unit.runs.test_runs import config, write_run


def comparison(*records):
    judgement = judge(records)
    return Comparison(judgement.verdict, records, judgement, {})


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """One result of each kind."""
    folder = tmp_path_factory.mktemp("runs") / "<first>"
    write_run(folder, epochs=12)
    layers = tuple(LayerReport(f"layer {index}", "Pooling") for index in range(3))
    status = BackendStatus("jax", True, "0.10.2", ("cpu",), None, None, default=True)
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("input", "weights"):  # handmade steps contain decimals, which are not exact in float32
            patch.setitem(TABLE, kind, TABLE["output"])
        wrong, healthy = found(**{"gradient: second/kernel": [0.3, 0.2]}), found()
    return {
        "identical": comparison(record("jax"), record("torch")),
        "different": comparison(record("jax"), record("torch", apart(0.1, 7)), record("tensorflow")),
        "alone": comparison(record("jax")),
        "diagnosis": wrong,
        "healthy": healthy,
        "run": kb.runs.load(folder),
        "runs": kb.runs.list(folder.parent),
        "bench": result(measured("kerasbridge", "jax", [1.0]), measured("stock", "jax", [3.0])),
        "export": ExportResult(folder, "onnx", "torch", "onnxruntime 1", 1e-7, (1, 2), (), ("out",), 100),
        "report": Report("caffe", ("net.caffemodel",), "net", (), ("out",), layers, layers[:1]),
        "backends": Statuses([status]),
    }


LINES = {
    "identical": "<Comparison: identical: Every loss, every gradient norm and the final weights of jax and torch are",
    "different": "<Comparison: disagree: From step 7 on, jax and torch differ by more than rounding: the loss differs",
    "alone": "<Comparison: jax: trained, with nothing to compare with>",
    "diagnosis": "<Diagnosis: torch: gradient second/kernel has an error of ",
    "healthy": "<Diagnosis: 15 arrays of a step are within their tolerance on jax, tensorflow, torch>",
    "run": "/<first>, finished: mlp on jax, cpu, accuracy 0.5000 (test)>",
    "bench": "<BenchResult: mlp, stock on jax ×3.00>",
    "export": "/<first>, onnx, 1.0e-07 from the model>",
    "report": "<Report: net.caffemodel (caffe): 3 converted, 1 substituted>",
}


@pytest.mark.parametrize("name", LINES)
def test_a_result_is_one_line_in_a_failed_assertion(name, shown):
    line = repr(shown[name])
    assert LINES[name] in line
    assert "\n" not in line
    assert len(line) < 300


@pytest.mark.parametrize("name", LINES)
def test_a_result_is_a_short_text_and_a_table(name, shown):
    text, html = str(shown[name]), shown[name]._repr_html_()
    assert 0 < text.count("\n") + 1 < 30 or name in ("healthy", "alone")
    assert ("<table>" in html) == (name not in ("healthy", "alone"))
    assert "<first>" not in html
    for tag in "table", "tr", "td":
        assert html.count(f"<{tag}>") == html.count(f"</{tag}>")


def test_a_run_shows_its_last_epochs(shown):
    lines = str(shown["run"]).splitlines()
    assert lines[1].split() == ["epoch", "seconds", "loss"]
    assert [line.split()[0] for line in lines[2:-1]] == [str(epoch) for epoch in range(3, 13)]
    assert lines[-1] == "2 earlier epochs are in its history."


def test_lists_are_tables_in_a_notebook(shown):
    assert "<td>mlp</td>" in shown["runs"]._repr_html_()
    assert repr(shown["runs"]).startswith("[<Run: ")
    assert "<td>0.10.2</td>" in shown["backends"]._repr_html_()


def test_rows_beyond_the_first_are_counted():
    rows = [(str(index), "<b>") for index in range(MAX_ROWS + 2)]
    summary = Summary("many & more", ("n", "letter"), rows, ["a note"])
    assert summary.as_text().splitlines()[-2:] == ["2 more rows are not shown.", "a note"]
    assert "<b>many &amp; more</b>" in summary.as_html()
    assert summary.as_html().count("&lt;b&gt;") == MAX_ROWS


def test_a_damaged_history_does_not_hide_the_run(tmp_path):
    write_run(tmp_path / "run", epochs=1)
    (tmp_path / "run" / "history.jsonl").write_text("[]\n")
    assert repr(kb.runs.load(tmp_path / "run")).endswith("accuracy 0.5000 (test)>")


def test_scores_are_those_of_the_saved_model(tmp_path):
    with kb.runs.create(tmp_path / "run", config()) as run:
        for epoch, accuracy in enumerate((0.9, 0.0), start=1):
            run.add_epoch(epoch, 0.5, {"loss": 1.0, "val_accuracy": accuracy})
        assert kb.runs.load(tmp_path / "run").scores == {"accuracy": 0.0}
        run.finish(lambda path: path.touch(), validation=run.validation_of(1))
    assert kb.runs.load(tmp_path / "run").scores == {"accuracy": 0.9}
    assert not re.search("0.0000", repr(kb.runs.load(tmp_path / "run")))
