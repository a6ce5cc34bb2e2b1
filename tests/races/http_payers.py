"""Payers who speak HTTP to a real server, all at the same moment."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2

PATIENCE_S = 30.0


def pay_at_once(
    url: str, key: str, invoice_id: UUID, *, payers: int, amount: str
) -> list[tuple[int, dict[str, Any]]]:
    """Let payers pay one invoice, each on a connection of its own that is open already.

    Gives the status and the body of each answer.
    """
    return asyncio.run(_pay_at_once(url, key, invoice_id, payers=payers, amount=amount))


async def _pay_at_once(
    url: str, key: str, invoice_id: UUID, *, payers: int, amount: str
) -> list[tuple[int, dict[str, Any]]]:
    body = {
        "amount": amount,
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": str(invoice_id)}],
    }
    start = asyncio.Barrier(payers)

    async def pay() -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=PATIENCE_S, trust_env=False
        ) as client:
            await client.get(f"/v1/invoices/{invoice_id}")
            await start.wait()
            answer = await client.post("/v1/payments", json=body)
            return answer.status_code, answer.json()

    return await asyncio.gather(*[pay() for _ in range(payers)])
