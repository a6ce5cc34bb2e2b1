"""Every setting: its name, type, default and unit. The only reader of the environment.

Settings come from variables that begin with TALLYSTICK_, then from a file `.env` in the working
directory. Nothing below the composition root reads them.
"""

import ipaddress
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TALLYSTICK_"
PREFIX_TESTS = "TALLYSTICK_TEST_"
"""What the test suite reads; no setting of the product."""
ENV_FILE = ".env"
SECRET_KEY_MIN = 32
"""Characters that a secret key needs in production."""
DEVELOPMENT_SECRET_KEY = "development-only-this-is-not-a-secret"  # noqa: S105  # it says so

_SHOWN_MAX = 40
_PORT_MAX = 65_535
_SECRET = frozenset({"secret_key", "database_url"})
"""Settings whose values no message may repeat; an address may hold a password."""
_WANTED = {
    "environment": "one of development and production",
    "host": "an address or a name of this machine, such as 127.0.0.1",
    "port": f"a whole number from 1 to {_PORT_MAX}, such as 8000",
    "log_level": "one of debug, info, warning and error",
    "log_format": "one of json and console",
    "database_url": "a database address, such as sqlite:///tallystick.db",
    "secret_key": "a text of at least 32 characters",
}


class BadSetting(Exception):
    """Settings cannot be used; the text has one line for each, a sentence for the operator."""


class Settings(BaseSettings):
    """What an operator can set. Read it with `load`: a bad value becomes a clear sentence."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = "development"
    """Development listens on this machine only and needs no secret key."""
    # An address may hold a password, so it stays out of repr too.
    database_url: str = Field("sqlite:///tallystick.db", min_length=1, repr=False)
    """SQLAlchemy URL. The engine names postgresql, mariadb, mysql and sqlite suffice."""
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET_KEY)
    """Signs cursors and other tokens that come back to us."""
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8000, ge=1, le=_PORT_MAX)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("environment", "log_level", "log_format", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_the_environment(self) -> Self:
        if self.environment == "development":
            if not _is_loopback(self.host):
                message = (
                    f"{PREFIX}HOST is {_shown(self.host)}, which other machines can reach, but "
                    "development listens on this machine only. Set it to 127.0.0.1, or set "
                    f"{PREFIX}ENVIRONMENT=production."
                )
                raise ValueError(message)
            return self
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET_KEY or len(secret) < SECRET_KEY_MIN:
            what = "is not set" if secret == DEVELOPMENT_SECRET_KEY else "is too short"
            message = (
                f"{PREFIX}SECRET_KEY {what}, and production needs one of at least "
                f"{SECRET_KEY_MIN} characters that nobody else knows. Make one with "
                "`openssl rand -hex 32` and keep it."
            )
            raise ValueError(message)
        return self


def load(**given: str | int | None) -> Settings:
    """Read the settings; a value given here, such as an option of the command line, goes first.

    Raises:
        BadSetting: a value cannot be used.
    """
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise BadSetting("\n".join(_sentence(detail, values) for detail in found)) from None
    except (OSError, UnicodeDecodeError) as error:
        path = Path(ENV_FILE).absolute()
        message = f"The file {path} cannot be read: {error}. Correct or remove it."
        raise BadSetting(message) from None


def unknown_names() -> list[str]:
    """Name the variables that look like settings and are none, such as a misspelt one."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    ours = (name for name in os.environ if name.startswith(PREFIX))
    return sorted(name for name in ours if name not in known and not name.startswith(PREFIX_TESTS))


def colors_refused() -> bool:
    """Say whether the operator wants no colours, by the name that programs share for it.

    Source: no-color.org.
    """
    return bool(os.environ.get("NO_COLOR"))


def _sentence(detail: ErrorDetails, given: dict[str, Any]) -> str:
    if not detail["loc"]:
        return detail["msg"].removeprefix("Value error, ")
    name = str(detail["loc"][0]).removeprefix(PREFIX.lower())
    variable = f"{PREFIX}{name.upper()}"
    wanted = _WANTED[name]
    if name in _SECRET:
        return f"{variable} cannot be used. Set it to {wanted}."
    value = given.get(name, detail["input"])
    return f"{variable} is {_shown(value)}, which cannot be used. Set it to {wanted}."


def _shown(value: object) -> str:
    text = str(value)
    return f"“{text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + '…'}”"


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
