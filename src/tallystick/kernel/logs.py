"""Log lines: one JSON object each, or words for a person at a console.

Every line has `event`, `level`, `timestamp` and `request_id`, the lines of libraries included. All
go to standard error, a traceback in them shows no values of variables, and none holds the number of
a payment card, wherever somebody may have put one.
"""

import logging
import sys
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tallystick.kernel import card_numbers

Format = Literal["json", "console"]

_TALKATIVE = ("alembic", "asyncio")
"""Libraries that say what nobody asked, each time that somebody looks."""
_SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def start(*, level: str, form: Format, colors: bool) -> None:
    """Send every log line of this process the same way; call it again to change the way.

    A line for each request is written at level debug only: it would cost every request.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(form, colors=colors),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel("WARNING")
    for name in _SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access" or level == "debug"


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _with_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _with_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.setdefault("request_id", None)
    return event


def _without_cards(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = card_numbers.hidden(value)
    return event


def _rendering(form: Format, *, colors: bool) -> list[Processor]:
    if form == "console":
        traceback = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=traceback)
        return [_without_cards, renderer]
    return [
        structlog.processors.format_exc_info,
        _without_cards,
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _json(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
