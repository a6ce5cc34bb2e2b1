"""What is said of an option or an argument that cannot be read: what it should have been."""

from typing import Final

import typer
from pydantic import ValidationError

from tallystick.kernel.errors import shown
from tallystick.web import strict

_OWN: Final = "Value error, "
"""What pydantic puts before the words of a check that is not its own."""


def put_plainly(error: typer.BadParameter) -> None:
    """Let an error that carries the words of a library carry ours."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return
    fault = cause.errors(include_url=False)[0]
    if fault["type"] == "value_error" and "does not match the formats" in fault["msg"]:
        error.message = (
            f"{shown(fault['input'])} is not a day as it is written here. Write year, month and "
            "day, such as 2026-11-20."
        )
    elif fault["type"] == "value_error":
        error.message = fault["msg"].removeprefix(_OWN)
    elif fault["type"] == "float_parsing":
        error.message = f"{shown(fault['input'])} is not a number. Write one such as 0.5."
    else:
        said = strict.body_faults(cause)[0]["detail"]
        error.message = f"{shown(fault['input'])} cannot be used. {said}"
