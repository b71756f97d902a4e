"""The program: `kerasbridge`, or `python -m kerasbridge`."""

from kerasbridge.runtime.collector import declare_own_program
from kerasbridge.runtime.signals import leave_on_signals, note_signals


def main() -> None:
    """Run the command line; a signal that arrives while it is imported is noted."""
    declare_own_program()
    try:
        with note_signals():
            from kerasbridge import cli

            cli.main()
    finally:
        leave_on_signals()


if __name__ == "__main__":
    main()
