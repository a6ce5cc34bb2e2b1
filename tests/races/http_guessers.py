"""Guessers who speak HTTP to real servers, many at the same moment, from an address of choice."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2

PATIENCE_S = 60.0
AT_ONCE = 20

Answer = tuple[int, bytes]


def guess(
    urls: Sequence[str], tries: Sequence[dict[str, Any]], *, address: str, at_once: int = AT_ONCE
) -> list[Answer]:
    """Log in with each of these, spread over the servers; give the answers in their order.

    All requests bear one id, so that answers that say the same are the same.
    """
    return asyncio.run(_guess(urls, tries, address, at_once))


async def _guess(
    urls: Sequence[str], tries: Sequence[dict[str, Any]], address: str, at_once: int
) -> list[Answer]:
    waiting = asyncio.Semaphore(at_once)
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    headers = {"X-Request-Id": "the-same"}
    async with httpx2.AsyncClient(
        transport=transport, headers=headers, timeout=PATIENCE_S, trust_env=False
    ) as client:

        async def one(number: int, sent: dict[str, Any]) -> Answer:
            async with waiting:
                url = urls[number % len(urls)]
                response = await client.post(f"{url}/v1/login", json=sent)
                return response.status_code, response.content

        return await asyncio.gather(*(one(*each) for each in enumerate(tries)))
