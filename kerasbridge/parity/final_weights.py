"""The final weights of `kb.compare`'s runs, judged as `kb.diagnose` judges a step: a row a variable."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.parity import measuring, tolerances
from kerasbridge.parity.judging import MARGIN, ROUNDING
from kerasbridge.parity.measuring import Row
from kerasbridge.parity.records import Record


def weight_rows(records: Sequence[Record]) -> list[Row]:
    """How far each trained variable is off the median of all runs, on each.

    A row may be off by `ROUNDING` units a step, or by `MARGIN` times what one unit in the initial weights has become of
    at the end of the nudged run in the middle. Whole numbers, such as the states of random layers, are left out.

    Args:
        records: of one job, at least two.
    """
    unit = tolerances.unit(records[0].job.precision) * ROUNDING * len(records[0].run.losses)
    first, *others = [record.run.final_weights for record in records]
    names = [name for name, value in first.items() if value.dtype.kind == "f" and all(name in run for run in others)]
    return [_row(name, records, unit) for name in names]


def _row(name: str, records: Sequence[Record], allowed: float) -> Row:
    values = {record.label: record.run.final_weights[name] for record in records}
    reference = measuring.median(list(values.values()))
    moved = sorted(
        measuring.error(record.nudged.final_weights[name], record.run.final_weights[name], 1.0) for record in records
    )
    largest = float(np.max(np.abs(reference), initial=0.0))
    term = max(largest, MARGIN * moved[(len(moved) - 1) // 2] / allowed)
    errors = {label: measuring.error(value, reference, term) for label, value in values.items()}
    beyond = tuple(label for label, found in errors.items() if found > allowed)
    dtypes = {label: str(value.dtype) for label, value in values.items()}
    return Row("final weight", name, errors, allowed, term, beyond, dtypes)
