"""Every setting: its name, type, default and unit. The only reader of the environment.

Settings come from variables that begin with TALLYSTICK_, then from a file `.env` in the working
directory. Nothing below the composition root reads them.

The variables of older contracts (`tallystick.older_settings`) are read where ours are absent.
"""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from tallystick import older_settings
from tallystick.older_settings import ALWAYS, OLDER

PREFIX = "TALLYSTICK_"
PREFIX_TESTS = "TALLYSTICK_TEST_"
"""What the test suite reads; no setting of the product."""
ENV_FILE = ".env"
API_KEY_MIN = 16
"""Characters that the key of an older contract needs in production."""
SECRET_KEY_MIN = 32
"""Characters that a secret key needs in production."""
FAKEPAY_SECRET_MIN = 16
DEVELOPMENT_SECRET_KEY = "development-only-this-is-not-a-secret"  # noqa: S105  # it says so

# A sample of a key that was never replaced: everybody knows it.
_KEY_SAMPLE = re.compile(
    r".*change[-_ ]?(me|this|it).*|"
    r"(dev|default|your|example|sample|secret|api|key|test)([-_ ]?(api|key|secret))*",
    re.IGNORECASE,
)

_SENDABLE = re.compile(r"[!-~]([ -~]*[!-~])?")
"""What arrives in a header as it was sent: printable ASCII without spaces around it."""
_SHOWN_MAX = 40
_TIMEOUT_MAX_S = 120
_PORT_MAX = 65_535
_SECRET = frozenset(
    {"secret_key", "database_url", "api_key", "smtp_url", "sealing_keys", "fakepay_secret"}
)
"""Settings whose values no message may repeat; an address may hold a password."""
_WANTED = {
    "environment": "one of development and production",
    "host": "an address or a name of this machine, such as 127.0.0.1",
    "port": f"a whole number from 1 to {_PORT_MAX}, such as 8000",
    "log_level": "one of debug, info, warning and error",
    "log_format": "one of json and console",
    "database_url": "a database address, such as sqlite:///tallystick.db",
    "secret_key": "a text of at least 32 characters",
    "api_key": "a key that nobody else knows, of letters, digits and signs of ASCII and without "
    "spaces around it, since a header carries nothing else unharmed",
    "api_v1_prefix": "a path such as /api/v1, and not one of our own",
    "dialects": "names of older contracts with commas between them, such as school-billing",
    "root_dialect": "the name of an older contract, such as school-billing",
    "dialect_organization": "the slug of an organization",
    "base_url": "the address that people open, such as https://books.example.com",
    "smtp_url": "a mail server, such as smtp://USER:PASSWORD@mail.example.com:587",
    "mail_from": "one address, such as Northfield <books@example.com>",
    "mailbox_dir": "a folder",
    "requests_at_once": "a whole number of at least 1, such as 60000",
    "requests_per_s": "a whole number of at least 1, such as 1000",
    "public_per_minute": "a whole number of at least 1, such as 300",
    "failures_per_minute": "a whole number of at least 1, such as 6000",
    "trusted_proxies": "addresses or networks with commas between them, such as 127.0.0.1",
    "sealing_keys": "keys such as 2026:KEY, with commas between them",
    "fakepay_url": "an address such as http://127.0.0.1:9000/fakepay",
    "fakepay_secret": f"a text of at least {FAKEPAY_SECRET_MIN} characters",
    "provider_timeout_s": f"seconds, more than 0 and at most {_TIMEOUT_MAX_S}, such as 10",
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
    dialects: str | None = None
    """The older contracts that are served, by name; None serves all in development, else none."""
    root_dialect: str | None = None
    """The older contract that is served at the root too."""
    dialect_organization: str | None = None
    """The organization of those older contracts that know only one."""
    api_key: SecretStr | None = None
    """The one key that an older contract knows; it reaches every organization."""
    api_v1_prefix: str = Field("/api/v1", pattern=r"^(/[A-Za-z0-9._~-]+)+$")
    """Where the older contract of schools has its operations."""
    fakepay_url: str = Field(
        "http://127.0.0.1:9000/fakepay", pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[!-~]*)?$"
    )
    """Where cards are posted to, in development."""
    fakepay_secret: SecretStr | None = Field(None, min_length=FAKEPAY_SECRET_MIN)
    """What our own stand-in for FakePay signs events with; set, it is asked and told more."""
    provider_timeout_s: float = Field(10, gt=0, le=_TIMEOUT_MAX_S)
    """How long one call to a provider may take as a whole."""
    base_url: str | None = Field(None, pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$")
    """Where people find this in their browsers; links in mails begin with it."""
    smtp_url: SecretStr | None = None
    """The mail server that mails are handed to: smtp:// or smtps://."""
    mail_from: str | None = None
    """Whom mails come from."""
    mailbox_dir: str | None = None
    """A folder that mails are written to in place of being sent, for development."""
    sealing_keys: SecretStr | None = None
    """Keys that seal the secrets in the database, as ID:KEY; the first one seals, all open."""

    requests_at_once: int = Field(60_000, ge=1)
    """How many requests one credential may send at once, to each process."""
    requests_per_s: int = Field(1_000, ge=1)
    """How many of these it wins back each second."""
    public_per_minute: int = Field(300, ge=1)
    """How often one network may call operations that need no credential, to each process."""
    failures_per_minute: int = Field(6_000, ge=1)
    """How many credentials that are not good one network may send, to each process."""
    trusted_proxies: str | None = None
    """Who may say in X-Forwarded-For where a request came from."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = [part.strip() for part in value.split(",")]
        for part in parts:
            ipaddress.ip_network(part)
        return ",".join(parts)

    @field_validator("environment", "log_level", "log_format", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("api_v1_prefix", mode="before")
    @classmethod
    def _without_a_slash_at_the_end(cls, value: object) -> object:
        return value.rstrip("/") if isinstance(value, str) else value

    @field_validator("api_key")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not _SENDABLE.fullmatch(value.get_secret_value()):
            raise ValueError("no header can carry it")
        return value

    @field_validator("api_v1_prefix")
    @classmethod
    def _not_ours(cls, value: str) -> str:
        if value.split("/")[1] in {"v1", "dialects", "static", "developers", "docs", "health"}:
            raise ValueError(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the older variables last, so that ours go before them wherever they stand."""
        del file_secret_settings
        always, older = _Older(settings_cls, ALWAYS), _Older(settings_cls, OLDER)
        return init_settings, always, env_settings, dotenv_settings, older

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
        if self.smtp_url is not None and None in {self.base_url, self.mail_from}:
            name = "BASE_URL" if self.base_url is None else "MAIL_FROM"
            message = (
                f"{PREFIX}{name} is not set, and production sends mails: set it to "
                f"{_WANTED[name.lower()]}."
            )
            raise ValueError(message)
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET_KEY or len(secret) < SECRET_KEY_MIN:
            what = "is not set" if secret == DEVELOPMENT_SECRET_KEY else "is too short"
            message = (
                f"{PREFIX}SECRET_KEY {what}, and production needs one of at least "
                f"{SECRET_KEY_MIN} characters that nobody else knows. Make one with "
                "`openssl rand -hex 32` and keep it."
            )
            raise ValueError(message)
        key = None if self.api_key is None else self.api_key.get_secret_value()
        if key is not None and (len(key) < API_KEY_MIN or _KEY_SAMPLE.fullmatch(key)):
            message = (
                f"API_KEY is empty, shorter than {API_KEY_MIN} characters or a sample that "
                "everybody knows, and whoever knows it may do everything here. Set one that "
                "nobody else knows, or leave the variable out and make keys with "
                "`tallystick key create`."
            )
            raise ValueError(message)
        return self


class _Older(PydanticBaseSettingsSource):
    """Reads the variables of older contracts, from the environment and then from the file."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Say nothing of single fields: all are read at once."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give what was found, in our words."""
        return _older(self._variables)


def _sent() -> dict[str, str | None]:
    """Give every variable there is: those of the file, and before them those of the environment."""
    in_file = DotEnvSettingsSource(
        Settings, env_file=ENV_FILE, env_ignore_empty=False, case_sensitive=True
    ).env_vars
    return {**in_file, **os.environ}


def _older(variables: Mapping[str, str]) -> dict[str, str]:
    return older_settings.translated(_sent(), variables)


def hand_on(**given: str | None) -> None:
    """Set settings for the processes that this one starts, which see no command line of ours."""
    for name, value in given.items():
        if value is not None:
            os.environ[f"{PREFIX}{name.upper()}"] = value


def load(**given: str | float | None) -> Settings:
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


def options_of(plug_in: str) -> dict[str, str]:
    """Give the settings of a plug-in: `TALLYSTICK_ACME_API_KEY` is `api_key` of `acme`."""
    prefix = f"{PREFIX}{plug_in.upper()}_"
    sent = {name.upper(): value for name, value in _sent().items() if value}
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in sent.items()
        if name.startswith(prefix)
    }


def unknown_names(plug_ins: Iterable[str] = ()) -> list[str]:
    """Name the variables that look like settings and are none, such as a misspelt one."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    others = (PREFIX_TESTS, *(f"{PREFIX}{name.upper()}_" for name in plug_ins))
    ours = (name for name in os.environ if name.startswith(PREFIX))
    return sorted(name for name in ours if name not in known and not name.startswith(others))


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
    older = _older(OLDER).get(name)
    if name in ALWAYS and detail["input"] == _older(ALWAYS).get(name):
        variable = ALWAYS[name]
    # What was read is in small letters where case does not count.
    elif name in OLDER and variable not in os.environ and _same(detail["input"], older):
        variable = OLDER[name]
    wanted = _WANTED[name]
    if name == "database_url" and detail["input"] == older == "":
        return "DB_URL cannot be used. Set it to host:port/database, such as 127.0.0.1:3306/books."
    if name in _SECRET:
        return f"{variable} cannot be used. Set it to {wanted}."
    value = given.get(name, detail["input"])
    return f"{variable} is {_shown(value)}, which cannot be used. Set it to {wanted}."


def _same(value: object, older: str | None) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return older is not None and text.lower() == older.lower()


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
