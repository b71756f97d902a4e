"""Folders that tests read: the checkout, its examples, and the shared folder next to it, which may be absent."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared"
