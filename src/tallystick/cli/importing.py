"""Take over customers or invoices from a file: check the whole of it first, then write in chunks.

Each chunk is a transaction under its own idempotency key, derived from the file's SHA-256 and the
chunk's number: run again after a stop, the import goes on where it stopped.
"""

import gc
import hashlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import decoding, opened, sheets
from tallystick.cli.decoding import Draft
from tallystick.cli.output import say, show_json, show_line
from tallystick.cli.sheets import Fault, Sheet
from tallystick.invoices.importing import (
    ImportInvoices,
    NewDocument,
    check_invoices,
    import_invoices,
)
from tallystick.kernel import clock
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Invalid, Refusal, Refused, shown
from tallystick.kernel.idempotency import Answers
from tallystick.parties.customers import CreateCustomer
from tallystick.parties.importing import (
    ImportCustomers,
    Imported,
    LeftOut,
    by_reference,
    check_customers,
    import_customers,
)
from tallystick.parties.organizations import OrganizationDocument, find_organization
from tallystick.web.api.shapes.customers import NewCustomer
from tallystick.web.api.shapes.invoices import NewInvoice, draft_content

Kind = Literal["customers", "invoices"]

CHUNK_ROWS: Final = 1_000

_LEFT_OUT: Final = "A run before left this out"
_AGAIN: Final = "It is not tried again from this file: correct it, and import it from a new one."


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The documents that are written together."""

    number: int
    act: Act
    documents: list[tuple[Draft, Any]]
    """Each with what the core takes, or None where it is wrong already."""

    def good(self) -> list[Any]:
        return [ready for draft, ready in self.documents if not draft.faults]

    def left_out(self) -> list[LeftOut]:
        """Give every line with something wrong, without the words: they may quote a person."""
        found = {(fault.line, fault.code) for draft, _ in self.documents for fault in draft.faults}
        return [{"line": line, "code": code} for line, code in sorted(found)]

    def stored(self, answer: Mapping[str, Any]) -> Imported:
        """Read an answer; of a customer who was erased, versions before put one in its place."""
        return cast("Imported", answer) if "made" in answer else {"made": len(self.good())}

    def recall(self, stored: Imported) -> None:
        """Tell again what the run that wrote this chunk left out.

        What it wrote is fine, whatever the books would say of it now.
        """
        if "left_out" not in stored:
            self._count(stored["made"])
            return
        codes = {each["line"]: each["code"] for each in stored["left_out"]}
        for draft, _ in self.documents:
            lines = [line for line in draft.lines if line in codes]
            if not lines:
                draft.faults.clear()
            elif not draft.faults:
                code = codes[lines[0]]
                draft.faults.append(Fault(lines[0], "", f"{_LEFT_OUT} ({code}). {_AGAIN}", code))

    def _count(self, made: int) -> None:
        """Tell that something was left out, of a run of a version that did not keep what."""
        missing = len(self.good()) - made
        if missing > 0:
            first, _ = self.documents[0]
            said = f"A run before left out {missing} from here on that look right"
            first.faults.append(
                Fault(first.lines[0], "", f"{said}, and did not keep which. {_AGAIN}")
            )


def run(kind: Kind, path: Path, *, slug: str, dry_run: bool, partial: bool, as_json: bool) -> bool:
    """Import a file, and give whether nothing was wrong with it."""
    plan = _Plan(kind, path)
    with opened.database() as database:
        organization = database.read(lambda conn: find_organization(conn, slug))
        chunks = plan.chunks(database, organization, clock.now())
        known = plan.judge(database, chunks)
        faults = plan.faults(chunks)
        written = 0
        if not dry_run and (partial or not faults):
            written = plan.write(database, chunks, known)
    documents = sum(len(chunk.documents) for chunk in chunks)
    before = sum(stored["made"] for stored in known.values())
    if as_json:
        figures = {"rows": len(plan.sheet.rows), kind: documents, "written": written}
        problems = [asdict(fault) for fault in faults]
        show_json({**figures, "written_before": before, "problems": problems})
        return not faults
    for fault in faults:
        place = f"line {fault.line}" + (f", {fault.column}" if fault.column else "")
        show_line(f"{place}: {fault.detail}")
    said = f"{documents} {kind} in {len(plan.sheet.rows)} rows"
    done = "nothing was written" if not written else f"{written} written"
    say(f"{said}, {len(faults)} problems; {done}, {before} were there from a run before.")
    return not faults


class _Plan:
    """One file on its way into the books."""

    def __init__(self, kind: Kind, path: Path) -> None:
        self._kind = kind
        columns, required, read = {
            "customers": (
                decoding.CUSTOMER_COLUMNS,
                decoding.CUSTOMER_REQUIRED,
                decoding.customers,
            ),
            "invoices": (decoding.INVOICE_COLUMNS, decoding.INVOICE_REQUIRED, decoding.invoices),
        }[kind]
        self.sheet: Sheet = sheets.read(path, columns=columns, required=required)
        self._drafts = read(self.sheet)

    def chunks(
        self, database: Database, organization: OrganizationDocument, at: datetime
    ) -> list[_Chunk]:
        """Read every document, and divide the file where a chunk has rows enough."""
        organization_id = UUID(organization["id"])
        found: dict[str, UUID] = {}
        if self._kind == "invoices":
            found = _customers_named(database, organization_id, self._drafts)
        made = []
        for number, drafts in enumerate(_divided(self._drafts), start=1):
            key = f"import:{self._kind}:{self.sheet.digest}:{number}"
            fingerprint = hashlib.sha256(key.encode()).hexdigest()
            act = Act(OPERATOR, organization_id, at, key, fingerprint)
            read = [
                (draft, self._ready(draft, act, organization["currency"], found))
                for draft in drafts
            ]
            made.append(_Chunk(number, act, read))
        return made

    def _ready(
        self, draft: Draft, act: Act, currency: str, customers: dict[str, UUID]
    ) -> CreateCustomer | NewDocument | None:
        if draft.faults and not draft.sent:
            # A row that belongs to no document.
            return None
        try:
            if self._kind == "customers":
                return _customer(draft, act)
            return _document(draft, currency, customers)
        except Refused as refused:
            draft.refuse(refused.refusal)
            return None

    def judge(self, database: Database, chunks: Sequence[_Chunk]) -> dict[int, Imported]:
        """Ask the books about every document that has the right shape; give the chunks that stand.

        What was written by a run before is not asked about: it would be in its own way. What that
        run left out is told again.
        """

        def look(conn: Connection) -> tuple[dict[int, Imported], list[Refusal | None]]:
            stored: Answers[Imported] = Answers(conn, chunks)
            known = {
                chunk.number: chunk.stored(answer.outcome)
                for chunk in chunks
                if (answer := stored.known(chunk.act)) is not None
                # Nothing is kept of a refused chunk.
                and not isinstance(answer.outcome, Refusal)
            }
            ready = [each for chunk in chunks if chunk.number not in known for each in chunk.good()]
            if not ready:
                return known, []
            check: Any = check_customers if self._kind == "customers" else check_invoices
            return known, check(conn, chunks[0].act, ready)

        if not chunks:
            return {}
        # It locks counters, which a reader may not; it adds no row.
        known, judged = database.write(look)
        asked = [
            draft
            for chunk in chunks
            if chunk.number not in known
            for draft, _ in chunk.documents
            if not draft.faults
        ]
        for draft, refusal in zip(asked, judged, strict=True):
            if refusal is not None:
                draft.refuse(refusal)
        for chunk in chunks:
            if chunk.number in known:
                chunk.recall(known[chunk.number])
        return known

    def faults(self, chunks: Sequence[_Chunk]) -> list[Fault]:
        """List everything that is wrong, by line."""
        found = [*self.sheet.faults]
        for chunk in chunks:
            for draft, _ in chunk.documents:
                found += draft.faults
        return sorted(found, key=lambda fault: (fault.line, fault.column))

    def write(self, database: Database, chunks: Sequence[_Chunk], known: Collection[int]) -> int:
        """Write the chunks that do not stand yet, and count what is new."""
        total = sum(len(chunk.documents) for chunk in chunks)
        seen = written = 0
        # What was read stays to the end, so the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        for chunk in chunks:
            seen += len(chunk.documents)
            ready = chunk.good()
            if ready and chunk.number not in known:
                written += len(ready)
                database.write(lambda conn, chunk=chunk: self._write(conn, chunk))  # type: ignore[misc]
            _progress(seen, total)
        return written

    def _write(self, conn: Connection, chunk: _Chunk) -> None:
        ready = tuple(chunk.good())
        if self._kind == "customers":
            import_customers(conn, ImportCustomers(chunk.act, ready, chunk.left_out()))
        else:
            import_invoices(conn, ImportInvoices(chunk.act, ready, chunk.left_out()))


def _divided(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    gathered: list[Draft] = []
    rows = 0
    for draft in drafts:
        if gathered and rows + len(draft.lines) > CHUNK_ROWS:
            yield gathered
            gathered, rows = [], 0
        gathered.append(draft)
        rows += len(draft.lines)
    if gathered:
        yield gathered


def _customer(draft: Draft, act: Act) -> CreateCustomer | None:
    body = draft.shaped(NewCustomer)
    if body is None:
        return None
    return CreateCustomer(
        act=act,
        kind=body.kind,
        name=body.name,
        given_name=body.given_name,
        family_name=body.family_name,
        email=body.email,
        phone=body.phone,
        address=body.address.named(),
        tax_id=body.tax_id,
        language=body.language,
        external_reference=body.external_reference,
    )


def _document(draft: Draft, currency: str, customers: dict[str, UUID]) -> NewDocument | None:
    if draft.customer is not None:
        found = customers.get(str(draft.customer))
        if found is None:
            detail = f"There is no customer {shown(draft.customer)} in this organization."
            draft.fault("/customer_id", detail, "customer.unknown")
            return None
        draft.sent["customer_id"] = str(found)
    body = draft.shaped(NewInvoice)
    if body is None:
        return None
    if body.issue_date is not None and not body.issue:
        message = "A draft has no issue date. Leave it out, or say issue: true."
        raise Invalid("request.invalid", message, pointer="/issue_date")
    return NewDocument(draft_content(body, currency), body.issue, body.issue_date)


def _customers_named(
    database: Database, organization_id: UUID, drafts: Sequence[Draft]
) -> dict[str, UUID]:
    """Find whom the file names: an external reference goes before an id."""
    names = {str(draft.customer) for draft in drafts if draft.customer is not None}
    found = database.read(lambda conn: by_reference(conn, organization_id, sorted(names)))
    for name in names - found.keys():
        try:
            found[name] = UUID(name)
        except ValueError:
            continue
    return found


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done} of {total}{end}")
        sys.stderr.flush()
