"""What is said when a command fails: a sentence, unless the mistake is ours, and an exit code."""

import sys
from typing import NoReturn

from sqlalchemy import exc

from tallystick import settings
from tallystick.cli import exits, opened
from tallystick.cli.output import say
from tallystick.kernel import failures
from tallystick.kernel.errors import Invalid, Refused, Unavailable
from tallystick.settings import BadSetting

_UNANSWERED = (exc.OperationalError, exc.InterfaceError, exc.DatabaseError)


def end(error: Exception) -> NoReturn:
    """Tell the person why a command failed, and end the process; a mistake of ours is raised on."""
    found = explain(error)
    if found is None:
        raise error
    sentence, code = found
    say(sentence, style="red")
    sys.exit(code)


def explain(error: Exception) -> tuple[str, int] | None:  # noqa: PLR0911  # one way a kind
    """Give the sentence and the exit code for an error, or None when it is a mistake of ours."""
    if isinstance(error, BadSetting):
        return str(error), exits.USAGE
    if isinstance(error, Refused):
        return error.refusal.detail, _code_of(error)
    if isinstance(error, ModuleNotFoundError | exc.NoSuchModuleError):
        return _no_driver(error)
    if isinstance(error, Unavailable):
        cause = error.__cause__
        if isinstance(cause, exc.DBAPIError) and failures.classify(cause) == "node":
            return _unanswered(cause), exits.UNREACHABLE
        return error.detail, exits.UNREACHABLE
    # Their subclasses are about a statement, and statements are ours.
    if type(error) in _UNANSWERED and isinstance(error, exc.DBAPIError):
        return _unanswered(error), exits.UNREACHABLE
    return None


def _code_of(error: Refused) -> int:
    if error.refusal.code.endswith(".unknown"):
        return exits.NOT_FOUND
    return exits.USAGE if isinstance(error, Invalid) else exits.REFUSED


def _unanswered(error: exc.DBAPIError) -> str:
    # PyMySQL gives a number before the words; the words say it.
    words = error.orig.args[-1] if error.orig and error.orig.args else error.orig
    said = str(words).strip().splitlines()[0].rstrip(".")
    return (
        f"The database {_address()} cannot be used: {said}. Start it, or correct "
        "TALLYSTICK_DATABASE_URL."
    )


def _no_driver(error: ImportError | exc.NoSuchModuleError) -> tuple[str, int] | None:
    address = _address()
    engine = address.partition(":")[0].partition("+")[0]
    extra = {"postgres": "postgresql", "mariadb": "mysql"}.get(engine, engine)
    if isinstance(error, ImportError) and (error.name or "").startswith("tallystick"):
        return None
    if "+" in address.partition(":")[0]:
        sentence = (
            f"The driver that TALLYSTICK_DATABASE_URL names, {address}, is not installed. Leave it "
            f"out, as in {engine}://…, to use ours."
        )
        return sentence, exits.USAGE
    if extra not in {"postgresql", "mysql"}:
        return None
    sentence = f"The driver for {engine} is not installed. Run `pip install 'tallystick[{extra}]'`."
    return sentence, exits.USAGE


def _address() -> str:
    try:
        return opened.address(settings.load())
    except BadSetting:
        return "of TALLYSTICK_DATABASE_URL"
