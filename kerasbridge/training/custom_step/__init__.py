"""A training step of the user's own, written once for every backend: what `kb.fit(…, step=…)` runs."""
