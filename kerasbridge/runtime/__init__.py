"""The process: backend, device, installed frameworks, child processes. Standard library only."""
