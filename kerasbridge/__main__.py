"""`python -m kerasbridge` is the command `kerasbridge`."""

from kerasbridge.cli import main

if __name__ == "__main__":
    main()
