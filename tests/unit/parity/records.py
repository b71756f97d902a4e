"""Handmade records."""

from dataclasses import replace

import numpy as np

from kerasbridge.parity.jobs import Job
from kerasbridge.parity.record import Curve, Record

STEPS = 40


def curve(losses=None, norms=None, weights=1.0, steps=STEPS):
    """Return a run whose losses fall from 2; `weights` fills the one trained variable."""
    losses = 2 * 0.97 ** np.arange(steps) if losses is None else np.asarray(losses)
    norms = losses * 3 if norms is None else np.asarray(norms)
    return Curve(losses, norms, {"net/dense/kernel": np.full((3, 2), weights)})


def record(label="jax", run=None, nudged=None, **changes):
    """Return a record in float32 whose nudged run differs by two units in the last place."""
    run = run or curve()
    nudged = nudged or Curve(run.losses * (1 + 2**-22), run.gradient_norms, {})
    whole = Record(
        job=Job(),
        label=label,
        backend=label,
        device="cpu",
        execution="looped",
        versions={"keras": "3.15.1", label: "1.0"},
        made="2026-11-23T04:00:00+00:00",
        seconds=1.5,
        data={"x": "d0", "y": "d1"},
        initial_weights={"net/dense/kernel": "w0"},
        orders={"epoch 1": "o1"},
        masks={"draw 1 of 12 words": "m1"},
        metrics=[{"accuracy": 0.9, "loss": 0.4}],
        run=run,
        nudged=nudged,
    )
    return replace(whole, **changes)


def apart(by, start=1, steps=STEPS):
    """Return a run whose losses differ by a relative `by` from step `start` on, counted from 1."""
    losses = curve(steps=steps).losses
    return curve(
        np.where(np.arange(1, steps + 1) >= start, losses * (1 + by), losses), curve(steps=steps).gradient_norms
    )
