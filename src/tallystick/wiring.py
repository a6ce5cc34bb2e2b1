"""The composition root: settings go in; a database, an audit and the application come out.

Nothing below knows a setting. Everything that can be chosen is chosen here.
"""

import base64
import binascii
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from sqlalchemy import Connection

from tallystick import migrations, worker
from tallystick.invoices import checks as invoice_checks
from tallystick.invoices import credit_note_checks
from tallystick.kernel import clock, logs
from tallystick.kernel.database import DEADLINE_S, Database
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.sealing import KEY_BYTES, Sealer
from tallystick.kernel.signing import Signer
from tallystick.kernel.tasks import Handler
from tallystick.ledger import audit as books
from tallystick.payments import checks as payment_checks
from tallystick.payments import comparing, online_checks
from tallystick.payments.asking import KNOCK_S, Reconciler
from tallystick.settings import BadSetting, Settings, colors_refused, load, options_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from fastapi import FastAPI

    from tallystick.notices.channel import Channel
    from tallystick.payments.provider import Provider
    from tallystick.web.dialects.frame import Chosen
    from tallystick.web.limits import Rates

PROVIDERS = "tallystick.providers"
"""The group of entry points by which another package brings a provider."""
FAKEPAY = "fakepay"
"""The provider that is ours; it is found without any entry point."""
EXIT_SETTING = 2
WORKER_DEADLINE_S = 5.0
"""How long the worker tries one transaction; it must be able to stop, and comes back to it."""

MAIL_FROM: Final = "Tallystick <tallystick@localhost>"
"""Whom mails come from in development."""
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not listened on

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,20}")

CHECKS = (
    *books.CHECKS,
    *invoice_checks.CHECKS,
    *credit_note_checks.CHECKS,
    *payment_checks.CHECKS,
    *online_checks.CHECKS,
)
"""Every invariant that is counted on a live database."""


def open_database(settings: Settings, *, deadline_s: float = DEADLINE_S) -> Database:
    """Open the database of the settings; whoever opens it closes it."""
    return Database(settings.database_url, deadline_s=deadline_s)


def signer(settings: Settings) -> Signer:
    """Make the signer of the tokens that come back to us."""
    return Signer(settings.secret_key.get_secret_value())


def sealer(settings: Settings) -> Sealer:
    """Make what closes the secrets that the database keeps.

    Its last key follows from the secret key, so that what was sealed before there were keys of
    their own still opens.

    Raises:
        BadSetting: the keys are none.
    """
    secret = settings.secret_key.get_secret_value()
    given = settings.sealing_keys
    keys = {} if given is None else _sealing_keys(given.get_secret_value())
    return Sealer.derived(secret, keys=keys)


def _sealing_keys(given: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, part in enumerate(given.split(","), start=1):
        name, _, text = part.strip().partition(":")
        wrong = None
        try:
            key = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not _KEY_ID.fullmatch(name):
            wrong = "has no id of 1 to 20 letters, digits, - and _ before its colon"
        elif name == Sealer.DERIVED:
            wrong = f"has the id {name}, which is that of the key made from the secret key"
        elif name in keys:
            wrong = "has the id of one before it"
        elif len(key) != KEY_BYTES:
            wrong = f"is not {KEY_BYTES} bytes in base 64"
        if wrong is not None:
            message = (
                f"TALLYSTICK_SEALING_KEYS cannot be used: key {number} {wrong}. Make one with "
                "`openssl rand -base64 32` and write it as ID:KEY, with commas between several."
            )
            raise BadSetting(message)
        keys[name] = key
    return keys


def address(settings: Settings) -> str:
    """Say where the server answers on this machine."""
    host = "localhost" if settings.host in EVERYWHERE else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def channel(settings: Settings) -> "Channel | None":
    """Make the way by which mails leave; None in production where none is set, so that they wait.

    Raises:
        BadSetting: the mail server or the sender cannot be used.
    """
    # Only what sends mails loads what sends them.
    from tallystick.channels.console import Console  # noqa: PLC0415
    from tallystick.channels.mailbox import Mailbox  # noqa: PLC0415
    from tallystick.channels.mime import address as read_address  # noqa: PLC0415
    from tallystick.channels.smtp import Server, Smtp  # noqa: PLC0415

    try:
        sender = read_address(settings.mail_from or MAIL_FROM)
    except ValueError:
        message = (
            f"TALLYSTICK_MAIL_FROM is {shown(settings.mail_from)}, which cannot be used. Set it to "
            "one address, such as Northfield <books@example.com>."
        )
        raise BadSetting(message) from None
    if settings.smtp_url is not None:
        try:
            server = Server.at(settings.smtp_url.get_secret_value())
        except ValueError as error:
            message = (
                f"TALLYSTICK_SMTP_URL cannot be used: {error}. Set it to smtp:// or smtps://, then "
                "USER:PASSWORD@ where the server wants them, then its name and port. Percent-"
                "encode what is no letter or digit in the password."
            )
            raise BadSetting(message) from None
        return Smtp(server, sender)
    if settings.mailbox_dir is not None:
        return Mailbox(Path(settings.mailbox_dir), sender)
    return Console(sys.stderr, sender) if settings.environment == "development" else None


def _rates(settings: Settings) -> "Rates":
    from tallystick.web.limits import Rate, Rates  # noqa: PLC0415  # as in `create_app`

    return Rates(
        requests=Rate(settings.requests_at_once, settings.requests_per_s),
        public=Rate(settings.public_per_minute, settings.public_per_minute / 60),
        failures=Rate(settings.failures_per_minute, settings.failures_per_minute / 60),
    )


def _handlers(settings: Settings, database: Database) -> Mapping[str, Handler]:
    """Say who does tasks of which kind."""
    from tallystick.notices.composing import Composer  # noqa: PLC0415
    from tallystick.notices.outbox import Outbox  # noqa: PLC0415

    way = channel(settings)
    if way is None:
        return {}
    composer = Composer(settings.base_url or address(settings))
    return Outbox(database, way, composer, signer(settings)).handlers()


def _provider_jobs(
    reconciler: Reconciler, providers: "Mapping[str, Provider]"
) -> Sequence[worker.Job]:
    """List the jobs for which providers must be known."""

    def compare(work: worker.Work) -> None:
        comparing.compare_all(work.database, providers.values(), work.now)

    return (
        worker.Job("knock", KNOCK_S, lambda work: reconciler.knock(work.now)),
        worker.Job("compare_reports", comparing.EVERY_S, compare),
    )


def audit(conn: Connection) -> list[books.Finding]:
    """Count every invariant; give it a snapshot, since what moves meanwhile looks like a fault."""
    return books.run(conn, CHECKS)


def start_logs(settings: Settings) -> None:
    """Send the log lines of this process where and as the settings say."""
    colors = sys.stderr.isatty() and not colors_refused()
    logs.start(level=settings.log_level, form=settings.log_format, colors=colors)


def chosen_dialects(settings: Settings) -> "Chosen":
    """Say which older contracts are served, and how much they trust.

    Raises:
        BadSetting: one is named that does not exist.
    """
    from tallystick.web.dialects.frame import Chosen  # noqa: PLC0415
    from tallystick.web.dialects.registry import DIALECTS  # noqa: PLC0415

    trusting = settings.environment == "development"
    given = (settings.dialects or "").split(",")
    named = {name.strip() for name in given} - {""}
    if settings.dialects is None and trusting:
        named = set(DIALECTS)
    root = settings.root_dialect or None
    unknown = sorted((named | {root or ""}) - {"", *DIALECTS})
    if unknown:
        message = (
            f"There is no dialect {shown(unknown[0])}. TALLYSTICK_DIALECTS and "
            f"TALLYSTICK_ROOT_DIALECT know {', '.join(DIALECTS)}."
        )
        raise BadSetting(message)
    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    return Chosen(
        names=tuple(sorted(named | ({root} if root else set()))),
        root=root,
        organization=settings.dialect_organization,
        trusting=trusting,
        api_key=key or None,
        api_v1_prefix=settings.api_v1_prefix,
    )


def plug_ins() -> "Mapping[str, EntryPoint]":
    """Find the providers that other packages bring, by name; none of them is loaded.

    Raises:
        BadSetting: two have one name.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415

    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=PROVIDERS):
        if entry.name == FAKEPAY or entry.name in found:
            message = f"Two providers are called {entry.name}. Uninstall one of the packages."
            raise BadSetting(message)
        found[entry.name] = entry
    return found


def open_providers(settings: Settings) -> "dict[str, Provider]":
    """Make every provider there is, ours and those of other packages, by name.

    Raises:
        BadSetting: one cannot be made.
    """
    from tallystick.providers.fakepay import FakePay  # noqa: PLC0415

    secret = settings.fakepay_secret
    try:
        fakepay = FakePay(
            url=settings.fakepay_url,
            timeout_s=settings.provider_timeout_s,
            takes_cards=settings.environment == "development",
            secret=None if secret is None else secret.get_secret_value(),
        )
    except ValueError as error:
        raise BadSetting(f"TALLYSTICK_FAKEPAY_URL cannot be used. {error}") from None
    made: dict[str, Provider] = {FAKEPAY: fakepay}
    for name, entry in plug_ins().items():
        made[name] = _plugged(name, entry, settings)
    return made


def _plugged(name: str, entry: "EntryPoint", settings: Settings) -> "Provider":
    from tallystick.payments.provider import Given, MakeProvider  # noqa: PLC0415

    given = Given(
        options=options_of(name),
        timeout_s=settings.provider_timeout_s,
        development=settings.environment == "development",
    )
    try:
        make: MakeProvider = entry.load()
        provider = make(given)
    except Exception as error:
        # Whatever another package does, the operator needs its name; options are not repeated.
        message = f"The provider {name} ({entry.value}) cannot be made: {error}."
        raise BadSetting(message) from error
    if provider.name != name:
        message = f"The provider {name} ({entry.value}) calls itself {shown(provider.name)}."
        raise BadSetting(message)
    if provider.abilities.takes_cards:
        # Cards are tried out with FakePay alone; a real company takes them on a page of its own.
        message = f"The provider {name} ({entry.value}) wants card data, and no plug-in gets any."
        raise BadSetting(message)
    return provider


@contextmanager
def make_worker(settings: Settings) -> Iterator[worker.Worker]:
    """Make a worker on a database of its own, which is closed after it."""
    database = open_database(settings, deadline_s=WORKER_DEADLINE_S)
    try:
        providers = open_providers(settings)
        reconciler = Reconciler(database, providers)
        yield worker.Worker(
            database,
            clock.now,
            (*worker.jobs(), *_provider_jobs(reconciler, providers)),
            handlers=_handlers(settings, database),
            lanes=[{kind: handler} for kind, handler in reconciler.handlers().items()],
        )
    finally:
        database.close()


@contextmanager
def _working(settings: Settings, served: Database) -> Iterator[None]:
    """Work beside a server, which tells of each task and event that it adds."""
    with make_worker(settings) as made, made.beside():
        served.after_commit(made.wake)
        yield


def create_app(
    settings: Settings, *, works: bool = False, program: str = "tallystick"
) -> "FastAPI":
    """Make the application on a database of its own, which is closed when the application ends.

    One that `works` has a worker beside it, on a thread of the same process. Its start page calls
    the command line by the name of the `program`.
    """
    # The web is the slowest part to load, and most commands of the command line do without it.
    from tallystick.web.app import make_app  # noqa: PLC0415

    start_logs(settings)
    dialects = chosen_dialects(settings)
    database = open_database(settings)
    head = migrations.head()
    app = make_app(
        database=database,
        clock=clock.now,
        signer=signer(settings),
        sealer=sealer(settings),
        environment=settings.environment,
        migration_status=lambda: (database.read(migrations.current), head),
        dialects=dialects,
        rates=_rates(settings),
        providers=open_providers(settings),
        provider_timeout_s=settings.provider_timeout_s,
    )
    app.state.program = program
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: "FastAPI") -> AsyncIterator[Any]:
        try:
            async with inner(served) as state:
                with _working(settings, database) if works else nullcontext():
                    yield state
        finally:
            database.close()

    app.router.lifespan_context = lifespan
    return app


def app_of_environment() -> "FastAPI":
    """Make the application for a server that only knows its name, and end where that cannot be."""
    try:
        return create_app(load())
    except BadSetting as error:
        _end(str(error))
    except Refused as error:
        _end(error.refusal.detail)


def _end(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(EXIT_SETTING)
