"""Plain scripts that kerasbridge is compared with, each run in its own process."""
