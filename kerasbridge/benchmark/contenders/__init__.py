"""What kerasbridge is measured beside: plain scripts, each run in a process of its own."""
