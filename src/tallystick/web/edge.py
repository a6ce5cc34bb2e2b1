"""What all requests share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection
from starlette.types import Scope

from tallystick.kernel.clock import Clock
from tallystick.kernel.coalescing import Coalescer
from tallystick.kernel.database import Database
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.web.hashing import Hashing
from tallystick.web.identity import Callers
from tallystick.web.limits import Limits
from tallystick.web.metrics import Metrics
from tallystick.web.provider_calls import ProviderCalls

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edge:
    """The doors to the core, made when the server starts and closed when it ends."""

    database: Database
    coalescer: Coalescer
    readers: ThreadPoolExecutor
    """As many threads as the database has connections for readers."""
    clock: Clock
    signer: Signer
    sealer: Sealer
    callers: Callers
    hashing: Hashing
    limits: Limits
    metrics: Metrics
    providers: ProviderCalls
    environment: str
    migration_status: Callable[[], tuple[str | None, str]]
    """The revision of the tables, None before the first, and the one that this version wants."""

    @staticmethod
    def of(scope: Scope) -> "Edge":
        """Give the edge of the application that serves a request."""
        edge: Edge = scope["app"].state.edge
        return edge

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a thread of the readers."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, self.database.read, query)

    async def read_snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run a query whose statements all see the same moment, on a thread of the readers."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, self.database.read_snapshot, query)

    async def write(self, command: Callable[[Connection], T]) -> T:
        """Run a command in a transaction of its own, beside those that wait together.

        For what must not be kept under an idempotency key, since it holds a secret.
        """
        return await asyncio.to_thread(self.database.write, command)
