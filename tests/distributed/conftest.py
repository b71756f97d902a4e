"""The backend of this process, which the workers that it starts use too."""

from kerasbridge.runtime import backend as choice


def pytest_report_header():
    return f"backend: {choice.configure().backend}"
