"""What an operation takes beside its body, as OpenAPI shows it; none of this is ever called."""

from typing import Annotated

from fastapi import Depends, Header

from tallystick.web.dialects.calling import DialectCall


def _call() -> None:
    raise NotImplementedError


def _post(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=255,
            description="A name for this request: repeated under it, it has its effect once.",
        ),
    ] = None,
) -> None:
    raise NotImplementedError


Call = Annotated[DialectCall, Depends(_call)]
Posted = Annotated[DialectCall, Depends(_post)]
