"""Serve HTTP: `up` migrates first and tells where to look, `serve` only serves."""

import errno
import os
import shutil
import socket
import sys

import uvicorn

from tallystick import settings, wiring
from tallystick.cli import migrating, opened
from tallystick.cli.output import say
from tallystick.kernel.database import Database
from tallystick.parties.organizations import list_organizations
from tallystick.settings import BadSetting, Settings

APP = "tallystick.web.asgi:app"
"""What processes load that start anew: several workers, or one that reloads."""
GRACE_S = 20
"""How long requests in flight may take to end when the server is told to stop."""
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not listened on


def up(*, host: str | None, port: int | None) -> None:
    """Migrate and serve in one process."""
    found = settings.load(host=host, port=port)
    _check_address(found)
    wiring.start_logs(found)
    migrating.up("head", quiet=True)
    say(_what_to_open(found))
    _run(found, workers=1, reload=False)


def serve(*, host: str | None, port: int | None, workers: int, reload: bool) -> None:
    """Serve a database that is migrated already."""
    found = settings.load(host=host, port=port)
    _check_address(found)
    with opened.database():
        pass
    wiring.start_logs(found)
    say(f"Tallystick serves {_url(found)}")
    _run(found, workers=workers, reload=reload)


def _run(found: Settings, *, workers: int, reload: bool) -> None:
    uvicorn.run(
        APP if reload or workers > 1 else wiring.create_app(found),
        host=found.host,
        port=found.port,
        workers=workers,
        reload=reload,
        ws="none",
        # Logging is ours in every process, so the server must not set up its own.
        log_config=None,
        access_log=found.log_level == "debug",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def _check_address(found: Settings) -> None:
    """Try the address before anything else starts: the server would only log its failure."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            found.host, found.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        place = f"{found.host}, port {found.port}"
        if error.errno == errno.EADDRINUSE:
            message = (
                f"Another program listens on {place}. Stop it, or choose another port with --port "
                "or TALLYSTICK_PORT."
            )
        else:
            message = (
                f"This machine cannot listen on {place}: {error.strerror}. Choose another with "
                "--host and --port, or TALLYSTICK_HOST and TALLYSTICK_PORT."
            )
        raise BadSetting(message) from None


def _url(found: Settings) -> str:
    host = "localhost" if found.host in EVERYWHERE else found.host
    return f"http://{f'[{host}]' if ':' in host else host}:{found.port}"


def _what_to_open(found: Settings) -> str:
    url, program = _url(found), _program()
    slug = _newest_slug(found)
    first = [] if slug else [f"{program} demo"]
    commands = [
        *first,
        f"KEY=$({program} key create --organization {slug or 'northfield'} --role owner)",
        f'curl -H "Authorization: Bearer $KEY" "{url}/v1/invoices?status=overdue"',
        *([f"{program} audit"] if slug else []),
    ]
    lines = [
        f"Tallystick {url}",
        f"API      {url}/docs",
        "",
        "Next, in another terminal:",
        *(f"  {command}" for command in commands),
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _newest_slug(found: Settings) -> str | None:
    database: Database = wiring.open_database(found)
    try:
        newest = database.read(lambda conn: list_organizations(conn, active=True)).items
    finally:
        database.close()
    slugs = [document["slug"] for document in newest]
    return "northfield" if "northfield" in slugs else next(iter(slugs), None)


def _program() -> str:
    """Name this program as the person can type it again."""
    if os.path.basename(sys.argv[0]) == "__main__.py":  # noqa: PTH119  # a name, no path
        return f"{os.path.basename(sys.executable)} -m tallystick"  # noqa: PTH119
    if shutil.which("tallystick"):
        return "tallystick"
    return min(sys.argv[0], os.path.relpath(sys.argv[0]), key=len)
