"""What ARCHITECTURE.md and the pages beside it say of the code, where a machine can check it."""

import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, create_engine

from tallystick.cli import welcome
from tallystick.invoices.queries import lock_invoices
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.clock import now
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer, Answers
from tallystick.migrations.tables import METADATA
from tallystick.payments.allocating import Share
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.settings import PREFIX, Settings
from tallystick.wiring import CHECKS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINES_MAX = 200
NAMES = sorted(set(re.findall(r"\btallystick(?:\.[A-Za-z_]\w*)+", PAGE)))
LOCK = "tallystick.invoices.queries.lock_invoices"


def _payment(organization_id: UUID, invoice_id: UUID) -> RecordPayment:
    act = Act(
        actor=OPERATOR,
        organization_id=organization_id,
        at=now(),
        key=str(ids.new()),
        fingerprint="0" * 64,
    )
    return RecordPayment(
        act=act, amount=1, currency="EUR", method="cash", invoices=(Share(invoice_id),)
    )


def _called(work: Callable[[], object]) -> list[CodeType]:
    """List the code of each Python function in the order in which the work calls them."""
    called: list[CodeType] = []

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            called.append(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return called


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as made:
        METADATA.create_all(made)
        yield made
    engine.dispose()


def test_it_stays_short_enough_to_be_read() -> None:
    assert len(PAGE.splitlines()) <= LINES_MAX


@pytest.mark.parametrize("name", NAMES)
def test_every_name_resolves(name: str) -> None:
    assert pkgutil.resolve_name(name) is not None


def test_it_names_the_function_that_locks_the_invoice_of_a_payment() -> None:
    assert LOCK in NAMES
    assert pkgutil.resolve_name(LOCK) is lock_invoices


def test_a_payment_is_judged_under_that_lock(conn: Connection) -> None:
    answers: list[Answer[PaymentDocument]] = []
    command = _payment(ids.new(), ids.new())
    called = _called(lambda: answers.extend(record_payments(conn, [command])))
    refusal = answers[0].outcome
    assert isinstance(refusal, Refusal)
    assert refusal.code == "organization.unknown"
    # First the lock, then the keys, then the judgement; each once.
    steps = [lock_invoices.__code__, Answers.__init__.__code__, Answers.known.__code__]
    assert [code for code in called if code in steps] == steps


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    ours = [target for target in targets if "://" not in target]
    assert [target for target in ours if not (page.parent / target).exists()] == []


def test_the_readme_shows_the_commands_that_up_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    walk = welcome.walk(".venv/bin/tallystick", "http://127.0.0.1:8000", "northfield", "EUR")
    first = welcome.setup("http://127.0.0.1:8000", "TOKEN")
    shown = [*walk.splitlines(), *first.splitlines()]
    assert [line for line in shown if line not in readme] == []


def test_the_settings_page_lists_every_setting_with_its_default() -> None:
    page = (ROOT / "docs/operating/settings.md").read_text(encoding="utf-8")
    shown = dict(re.findall(rf"^\| `({PREFIX}[A-Z0-9_]+)` \| `?(.+?)`? \|", page, re.MULTILINE))
    fields = Settings.model_fields.items()
    expected = {
        f"{PREFIX}{name.upper()}": "none" if field.default is None else str(field.default)
        for name, field in fields
    }
    # Its default is no secret and is told in words.
    del shown[f"{PREFIX}SECRET_KEY"], expected[f"{PREFIX}SECRET_KEY"]
    assert shown == expected


def test_the_books_page_lists_every_invariant() -> None:
    page = (ROOT / "docs/concepts/the-books-and-the-audit.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| (I[0-9]+[a-z-]*) \| (.+) \|$", page, re.MULTILINE))
    assert shown == {check.id: check.title for check in CHECKS}
