"""Count the calls of the tests of Keras, at the methods of models and by the log of kerasbridge."""

import contextlib
import functools
import logging
import re
import textwrap
from collections import Counter

from kerasbridge.keras_compat import keras

NAMES = ("fit", "evaluate", "predict")
HANDED_OVER = re.compile(r"kerasbridge: \S+ (overrides \w+_step)\b")
UNTRACED = re.compile(r"kerasbridge: .*\b(ran eagerly: .*)", re.DOTALL)


class Counts(logging.Handler):
    """Calls by name, and how many of them were delegated to stock Keras or ran untraced, by reason."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.calls, self.stock, self.handed_over, self.untraced = Counter(), Counter(), Counter(), Counter()

    def emit(self, record):
        for reasons, pattern in ((self.handed_over, HANDED_OVER), (self.untraced, UNTRACED)):
            if found := pattern.match(record.getMessage()):
                reasons[found[1].rstrip(".")] += 1

    def unexplained(self):
        """Return the calls that stock Keras ran although no log message reports an overridden step."""
        return self.stock.total() - self.handed_over.total()

    def lines(self):
        """Return the table, a line per reason."""
        calls = ", ".join(f"{name} {self.calls[name]}" for name in NAMES)
        yield f"{self.calls.total()} calls ({calls})"
        for what, reasons in (("handed over to stock Keras", self.handed_over), ("untraced", self.untraced)):
            yield f"{reasons.total()} {what}"
            yield from (f"  {count:5} {textwrap.shorten(reason, 110)}" for reason, count in reasons.most_common())
        if self.unexplained():
            yield f"{self.unexplained()} handed over though no step is overridden"


@contextlib.contextmanager
def counting(counter):
    """Count calls of the methods of Keras models in this context, without nested calls of the same method."""
    trainer = next(base for base in keras.Model.__mro__ if "fit" in vars(base))
    originals = {name: vars(trainer)[name] for name in NAMES}
    for name, original in originals.items():
        setattr(trainer, name, _counted(original, counter, name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(trainer, name, original)


def _counted(original, counter, name):
    @functools.wraps(original)
    def call(model, *arguments, **keywords):
        if "_use_cached_eval_dataset" not in keywords:  # the validation of stock fit
            counter[name] += 1
        return original(model, *arguments, **keywords)

    return call
