"""Files of unknown origin: one budget of work and memory for each, zip archives, NumPy arrays; none is trusted."""
