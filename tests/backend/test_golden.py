"""Every backend, in every supported version, is compared with one stored record.

golden/transformer.npz is the JAX record of tests/parity/subjects.py:transformer. After intended changes of the model or
its random numbers, recompute it with::

    cd tests/parity
    kerasbridge compare --script subjects.py:transformer --epochs 6 --backends jax,torch --save records
    mv records/jax.npz ../backend/golden/transformer.npz
"""

from pathlib import Path

import kerasbridge as kb
from kerasbridge.parity.record import Record

GOLDEN = Path(__file__).parent / "golden" / "transformer.npz"
SCRIPT = Path(__file__).parents[1] / "parity" / "subjects.py"


def test_this_backend_trains_like_the_golden_record(backend):
    found = kb.compare(script=f"{SCRIPT}:transformer", epochs=6, backends=[backend], against=GOLDEN)
    assert [check.where for check in found.judgement.digests if not check.equal] == []
    assert found.agree, [(pair.step, pair.quantity, pair.shown()) for pair in found.judgement.pairs]
    (pair,) = found.judgement.pairs
    assert pair.losses.max() < 1e-5


def test_the_run_of_the_golden_record_learns():
    golden = Record.read(GOLDEN)
    assert golden.metrics[-1]["loss"] < 0.97 * golden.metrics[0]["loss"]
    assert len(golden.run.losses) == 48
    assert len(golden.masks) >= 4
