"""Whoever is refused has written nothing but their key, and is refused the same way again."""

from tallystick import wiring
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.payments.recording import record_payments
from tests.properties.refusals import Trap
from tests.races.books import answer, answer_all, code, content_of, result

CODES = 44


def test_a_refusal_writes_nothing_but_its_key(own_database: Database) -> None:
    trap = Trap.set(own_database)
    wrong: list[str] = []
    codes: set[str] = set()
    for due, use_case, command in trap.all():
        before = content_of(own_database)
        first = answer(own_database, use_case, command)
        after = content_of(own_database)
        again = answer(own_database, use_case, command)
        known = before.pop("idempotency_key")
        kept = [row for row in after.pop("idempotency_key") if row not in known]
        written = [name for name in after if before[name] != after[name]]
        place = [(command.act.organization_id, command.act.key)]
        if (code(first), written, [row[:2] for row in kept]) != (due, [], place) or first.replayed:
            wrong.append(f"{due}: {code(first)}, wrote {written} and the keys {kept}")
        if (again.replayed, again.outcome) != (True, first.outcome):
            wrong.append(f"{due}: the second answer differs")
        codes.add(due)
    assert wrong == []
    assert len(codes) == CODES, sorted(codes)


def test_a_refused_neighbour_disturbs_nobody(own_database: Database) -> None:
    trap = Trap.set(own_database)
    refused = [command for _, use_case, command in trap.all() if use_case is record_payments]
    before = trap.books.receipts()
    for command in refused:
        one, other = (trap.books.pay(1, customer_id=trap.another) for _ in range(2))
        answers = answer_all(own_database, record_payments, one, command, other)
        assert isinstance(answers[1].outcome, Refusal)
        assert [result(answers[0])["amount"], result(answers[2])["amount"]] == [1, 1]
    taken = len(before) + 2 * len(refused)
    assert trap.books.receipts() == list(range(1, taken + 1))
    findings = own_database.read(wiring.audit)
    assert [finding for finding in findings if finding.violations] == []
