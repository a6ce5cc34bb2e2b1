"""Calls of providers, made on threads of their own: one that hangs keeps nothing else waiting."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from tallystick.kernel.errors import Invalid, Unavailable, shown
from tallystick.payments.provider import Provider, Unknown

AT_ONCE_MAX: Final = 256
"""Calls that one process may have open at once; each holds a thread that only waits."""
TIMEOUTS_MAX: Final = 5
"""After so many calls in a row that were not answered in time, a provider is left alone."""
LEFT_ALONE_S: Final = 10.0
ASKED_EVERY_S: Final = 3.0
"""How often a provider is asked by the way about one payment, at most."""
INSISTS_EVERY_S: Final = 2.0
"""How long to wait between two tries to keep what a provider has said."""
INSISTS_FOR_S: Final = 600.0
"""How long that is tried; each try takes as long as the database is waited for."""
ASKED_MAX: Final = 10_000
"""After so many it is looked for those that may be forgotten."""
DEFAULT: Final = "fakepay"
"""The provider that is ours."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Health:
    timeouts: int = 0
    left_alone_until: float = 0.0


class ProviderCalls:
    """The providers of one process, and the threads on which they are called.

    Use it on one event loop.
    """

    def __init__(self, providers: Mapping[str, Provider], call_s: float) -> None:
        """Take what is called, and how long one call may take (`Given.timeout_s`)."""
        self._providers = providers
        self.call_s = call_s
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="provider")
        self._open = 0
        self._asked: dict[UUID, float] = {}
        self._health = {name: _Health() for name in providers}
        self._kept: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """Name the providers there are."""
        return tuple(sorted(self._providers))

    @property
    def default(self) -> str:
        """Name the provider that is meant where none is named."""
        return self.names[0] if len(self._providers) == 1 else DEFAULT

    def named(self, name: str, *, pointer: str = "/provider") -> Provider:
        """Give a provider.

        Raises:
            Invalid: provider.unknown
        """
        provider = self._providers.get(name)
        if provider is None:
            there_are = ", ".join(self.names) or "none"
            message = f"There is no provider {shown(name)}. There are: {there_are}."
            raise Invalid("provider.unknown", message, pointer=pointer)
        return provider

    def find(self, name: str) -> Provider | None:
        """Give a provider that may have gone since it was used."""
        return self._providers.get(name)

    def check(self, provider: Provider) -> None:
        """Refuse before anything is committed, where a call would be in vain.

        Raises:
            Unavailable: the provider has not answered for a while, or too many calls are open.
        """
        if self._open >= AT_ONCE_MAX:
            raise Unavailable("Too many payments are being taken at this moment. Nothing was sent.")
        if asyncio.get_running_loop().time() < self._health[provider.name].left_alone_until:
            message = (
                f"The provider {provider.name} does not answer at this moment. Nothing was sent "
                "to it; try again in a few seconds."
            )
            raise Unavailable(message, retry_after_s=int(LEFT_ALONE_S))

    def may_ask(self, provider: Provider, payment_id: UUID) -> bool:
        """Say whether a provider may be asked by the way about a payment, and note that it is."""
        if not provider.abilities.looks_up or self._open >= AT_ONCE_MAX // 2:
            return False
        now = asyncio.get_running_loop().time()
        if now < self._health[provider.name].left_alone_until:
            return False
        if now < self._asked.get(payment_id, 0.0) + ASKED_EVERY_S:
            return False
        if len(self._asked) >= ASKED_MAX:
            self._asked = {each: at for each, at in self._asked.items() if now < at + ASKED_EVERY_S}
        self._asked[payment_id] = now
        return True

    async def call(self, provider: Provider, work: Callable[[], T]) -> T:
        """Call a provider; the lines that are logged meanwhile bear the id of the request."""
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        self._open += 1
        try:
            outcome = await loop.run_in_executor(self._threads, context.run, work)
        finally:
            self._open -= 1
        self._note(provider, outcome, loop.time())
        return outcome

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what must come to its end although whoever asked for it has gone."""
        return await asyncio.shield(self._begun(work))

    def insist(self, keep: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Try again, beside all else, to keep what a provider has said and could not be kept."""
        log.warning("a provider's answer is not kept yet")
        self._begun(self._insist(keep))

    async def close(self) -> None:
        """Wait for the calls that are open, and for what becomes of them."""
        self._closing.set()
        while self._kept:
            # What one of them could not keep has begun another.
            await asyncio.gather(*self._kept, return_exceptions=True)
            await asyncio.sleep(0)
        self._threads.shutdown()

    def _begun(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        return task

    async def _insist(self, keep: Callable[[], Coroutine[Any, Any, object]]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + INSISTS_FOR_S
        while loop.time() < until and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), INSISTS_EVERY_S)
            try:
                await keep()
            except Unavailable:
                continue
            log.info("a provider's answer is kept")
            return
        log.error("a provider's answer was not kept")

    def _note(self, provider: Provider, outcome: object, at: float) -> None:
        health = self._health[provider.name]
        if not isinstance(outcome, Unknown) or outcome.why != "timeout":
            health.timeouts = 0
            return
        health.timeouts += 1
        if health.timeouts >= TIMEOUTS_MAX:
            # One call gets through after each pause, and its answer lets all through again.
            health.left_alone_until = at + LEFT_ALONE_S
            log.warning("provider left alone", provider=provider.name, for_s=LEFT_ALONE_S)
