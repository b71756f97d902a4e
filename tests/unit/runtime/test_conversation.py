"""A child that stays alive answers requests, and its end is described."""

import os
import threading

import pytest

from kerasbridge.runtime.conversation import ChildEnded, Conversation
from tests.paths import ROOT

WORKER = """
import os, sys, time
from kerasbridge.runtime.conversation import answer_requests
from kerasbridge.runtime.subprocesses import exit_with_message

count = 0

def answer(request):
    global count
    count += 1
    print("a notice of a framework")
    os.write(1, b"one of its C code\\n")
    if request["do"] == "fail":
        raise ValueError("out of luck")
    if request["do"] == "wait":
        time.sleep(60)
    if request["do"] == "crash":
        os._exit(7)
    return {"count": count, "got": request}

with exit_with_message(ValueError):
    answer_requests(answer)
"""


@pytest.fixture
def child(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with Conversation("worker", environment=environment) as child:
        yield child


def test_it_answers_one_request_after_the_other_whatever_it_prints(child):
    answers = [child.ask({"do": name, "ä": [1, 2.5]}) for name in ("first", "second")]
    assert answers == [{"count": n, "got": {"do": name, "ä": [1, 2.5]}} for n, name in ((1, "first"), (2, "second"))]


@pytest.mark.parametrize(
    ("request_name", "message"),
    [("fail", "ValueError: out of luck"), ("crash", "the process ended with code 7:\na notice")],
)
def test_the_end_of_a_child_is_described(child, request_name, message):
    with pytest.raises(ChildEnded) as raised:
        child.ask({"do": request_name})
    assert raised.value.result.failure_message().startswith(message)
    with pytest.raises(ChildEnded):
        child.ask({"do": "first"})


def test_a_child_that_does_not_answer_is_ended(child):
    assert child.ask({"do": "first"}, timeout=60)["count"] == 1
    with pytest.raises(ChildEnded) as raised:
        child.ask({"do": "wait"}, timeout=0.05)
    assert raised.value.result.timed_out


def test_closing_ends_the_request_of_another_thread_and_later_ones(child):
    assert child.ask({"do": "first"})["count"] == 1
    asked, ended = threading.Event(), []

    def ask(request):
        asked.set()
        try:
            child.ask(request)
        except ChildEnded as error:
            ended.append(error.result.failed)

    threads = [threading.Thread(target=ask, args=({"do": "wait"},)) for _ in range(2)]
    for thread in threads:
        thread.start()
    asked.wait()
    child.close()
    for thread in threads:
        thread.join(timeout=60)
    ask({"do": "first"})
    assert ended == [True, True, True]
