"""Readers of container formats that several importers share; none of them trusts its input."""
