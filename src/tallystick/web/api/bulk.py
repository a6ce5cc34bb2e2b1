"""Many items in one request: each as if it had been sent alone, some at a time.

Between two chunks everybody else gets their turn, at the database and on the event loop.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from pydantic import ValidationError
from starlette.responses import Response

from tallystick.kernel.actor import Act
from tallystick.kernel.coalescing import BATCH_MAX, UseCase
from tallystick.kernel.errors import Refusal, Refused, Unavailable
from tallystick.kernel.idempotency import Answer, Command
from tallystick.web import strict
from tallystick.web.call import Call
from tallystick.web.fields import Body
from tallystick.web.strict import Misshapen

log = structlog.get_logger(__name__)

S = TypeVar("S", bound=Body)
Wanted = tuple[UseCase[Any], Command]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noun(Generic[S]):
    """What the items are: their name in a result, their shape, and the way to the core and back."""

    name: str
    shape: type[S]
    read: Callable[[S, Act], Wanted]
    shown: Callable[[Any], Mapping[str, Any]]


async def answer(call: Call, items: Sequence[Any], noun: Noun[Any]) -> Response:
    """Do what every item asks for, and answer with one result for each, in their order.

    Where the database stops answering on the way, what was not done says so, and the rest is not
    tried.

    Raises:
        Invalid: idempotency.key_malformed.
        Unavailable: nothing was done.
    """
    act = call.acts()
    results: list[Result] = []
    replayed: list[bool] = []
    numbered = list(enumerate(items, start=1))
    for start in range(0, len(numbered), BATCH_MAX):
        chunk = _Chunk(call, noun, act, numbered[start : start + BATCH_MAX])
        try:
            await chunk.run()
        except Unavailable as unavailable:
            if not any(result["status"] == _MADE for result in results):
                raise
            missing = _unavailable(call, unavailable)
            results += [missing] * (len(items) - len(results))
            break
        results += chunk.results()
        replayed += chunk.replayed
    call.replayed = bool(replayed) and all(replayed)
    return call.reply({"results": results})


_MADE = 201


class _Chunk:
    """As many items as one batch takes."""

    def __init__(
        self,
        call: Call,
        noun: Noun[Any],
        act: Callable[[int, Any], Act],
        items: Sequence[tuple[int, Any]],
    ) -> None:
        self.replayed: list[bool] = []
        self._call = call
        self._noun = noun
        self._results: list[Result | None] = [None] * len(items)
        self._wanted: dict[UseCase[Any], list[tuple[int, Command]]] = {}
        for place, (number, sent) in enumerate(items):
            try:
                use_case, command = noun.read(_shaped(noun.shape, sent), act(number, sent))
            except Refused as refused:
                self._results[place] = self._refused(refused)
            else:
                self._wanted.setdefault(use_case, []).append((place, command))

    async def run(self) -> None:
        """Run what has the right shape.

        Raises:
            Unavailable: nothing of this chunk is known to be done.
        """
        coalescer = self._call.edge.coalescer
        given = await asyncio.gather(
            *[
                coalescer.run_together(use_case, [command for _, command in wanted])
                for use_case, wanted in self._wanted.items()
            ]
        )
        outcomes = [outcome for answers in given for outcome in answers]
        unavailable = [each for each in outcomes if isinstance(each, Unavailable)]
        if unavailable and len(unavailable) == len(outcomes):
            raise unavailable[0]
        places = [place for wanted in self._wanted.values() for place, _ in wanted]
        for place, outcome in zip(places, outcomes, strict=True):
            self._results[place] = self._result(outcome)

    def results(self) -> Iterator[Result]:
        """Give the result of each item, in their order."""
        for result in self._results:
            assert result is not None, "every item was run or refused"
            yield result

    def _result(self, outcome: Answer[Any] | BaseException) -> Result:
        if isinstance(outcome, Unavailable):
            return _unavailable(self._call, outcome)
        if isinstance(outcome, BaseException):
            log.error("item failed", exc_info=outcome)
            detail = "Something failed in the server. Its log has the details under the request_id."
            return self._refused(Refused("server.error", detail))
        self.replayed.append(outcome.replayed)
        if isinstance(outcome.outcome, Refusal):
            refusal = outcome.outcome
            return self._refused(
                Refused(refusal.code, refusal.detail, pointer=refusal.pointer, facts=refusal.facts)
            )
        return {"status": _MADE, self._noun.name: self._noun.shown(outcome.outcome)}

    def _refused(self, refused: Refused) -> Result:
        problem = self._call.described(refused)
        return {"status": problem["status"], "problem": problem}


def _shaped(shape: type[S], sent: Any) -> S:
    try:
        # The quicker writer refuses whole numbers that the reader let pass.
        return shape.model_validate_json(json.dumps(sent))
    except ValidationError as error:
        raise Misshapen(strict.body_faults(error)) from None


def _unavailable(call: Call, unavailable: Unavailable) -> Result:
    problem = call.described(Refused("server.unavailable", unavailable.detail))
    return {"status": problem["status"], "problem": problem}
