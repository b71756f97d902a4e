"""The line of the user's code in which an error was raised."""

from kerasbridge.runtime.user_frames import innermost_user_line


def test_code_that_a_library_has_generated_is_not_a_line_of_the_user():
    generated = eval("lambda text: int(text)", {})
    try:
        generated("no number")
    except ValueError as error:
        frame, _ = innermost_user_line(error)
    assert frame.f_code.co_name == "test_code_that_a_library_has_generated_is_not_a_line_of_the_user"
