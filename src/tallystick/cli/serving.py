"""Serve HTTP: `up` migrates first, tells where to look and works; `serve` only serves."""

import errno
import gc
import os
import socket
from pathlib import Path

import uvicorn

import tallystick
from tallystick import settings, wiring
from tallystick.cli import adding, migrating, opened, welcome
from tallystick.cli.output import say
from tallystick.settings import BadSetting, Settings

APP = "tallystick.web.asgi:app"
"""What processes load that start anew: several workers, or one that reloads."""
PACKAGE = Path(tallystick.__file__).parent
"""Where a change makes a server that reloads start again."""
GRACE_S = 20
"""How long requests in flight may take to end when the server is told to stop."""


def up(*, host: str | None, port: int | None, root_dialect: str | None) -> None:
    """Migrate, serve and work in one process."""
    _load_quickly()
    found = settings.load(host=host, port=port, root_dialect=root_dialect)
    wiring.chosen_dialects(found)
    wiring.channel(found)
    _check_address(found)
    wiring.start_logs(found)
    migrating.up("head", quiet=True)
    say(welcome.text(found, wiring.address(found), adding.setup_token(found)))
    _run(found, workers=1, reload=False, works=True)


def serve(
    *, host: str | None, port: int | None, root_dialect: str | None, workers: int, reload: bool
) -> None:
    """Serve a database that is migrated already."""
    _load_quickly()
    found = settings.load(host=host, port=port, root_dialect=root_dialect)
    wiring.chosen_dialects(found)
    settings.hand_on(root_dialect=root_dialect)
    _check_address(found)
    with opened.database():
        pass
    wiring.start_logs(found)
    say(f"Tallystick serves {wiring.address(found)}")
    _run(found, workers=workers, reload=reload)


def _load_quickly() -> None:
    """Let the collector rest until the application has started, which lets it begin again.

    All that is loaded stays, and looking through it time and again is a seventh of a start.
    """
    gc.disable()


def _run(found: Settings, *, workers: int, reload: bool, works: bool = False) -> None:
    alone = workers == 1 and not reload
    uvicorn.run(
        wiring.create_app(found, works=works, program=welcome.program()) if alone else APP,
        host=found.host,
        port=found.port,
        workers=workers,
        reload=reload,
        reload_dirs=[str(PACKAGE)] if reload else None,
        ws="none",
        # Logging is ours in every process, so the server must not set up its own.
        log_config=None,
        access_log=found.log_level == "debug",
        server_header=False,
        # Where a request came from is counted and kept, so only whom the operator trusts tells it.
        proxy_headers=found.trusted_proxies is not None,
        forwarded_allow_ips=found.trusted_proxies or "",
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
