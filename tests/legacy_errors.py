"""Messages of the errors of `kb.inspect_legacy` and `kb.load_legacy`: a single sentence each."""

import pytest

import kerasbridge as kb


def message_of(function, *arguments, **options):
    """Return the message of the LegacyFileError that a call raises, which must be a single line."""
    with pytest.raises(kb.errors.LegacyFileError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def inspect_error(*paths, **options):
    """Return the message of the error of `kb.inspect_legacy`."""
    return message_of(kb.inspect_legacy, *paths, **options)


def load_error(*paths, **options):
    """Return the message of the error of `kb.load_legacy`."""
    return message_of(kb.load_legacy, *paths, **options)
