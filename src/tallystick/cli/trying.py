"""Try rules over past payments, and say what they would have made of them."""

import sys
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened, rule_files
from tallystick.cli.output import plain, say, show_json, show_line, show_table
from tallystick.cli.rule_files import Sheet
from tallystick.kernel import clock
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refused
from tallystick.parties.organizations import find_organization
from tallystick.payments import trials, trying
from tallystick.payments.trials import Case, Tally, Trial
from tallystick.web.api.shapes.trials import shown_trial

SUMS: Final = ("action", "applied", "refused", "idle", "amount")
CASES: Final = ("at", "receipt", "invoice", "action", "outcome", "amount", "reason")


def try_rules(
    slug: str, path: Path, *, since: date, until: date | None, limit: int, as_json: bool
) -> None:
    """Try the rules of a file one after the other, each as if there were no other."""
    sheet = rule_files.read(path, single=None)

    def prepare(conn: Connection) -> list[Trial]:
        organization = find_organization(conn, slug)
        place, found = UUID(organization["id"]), []
        for index, content in enumerate(sheet.contents(conn, organization)):
            try:
                trial = trials.prepare(conn, place, content, since=since, until=until, now=now)
            except Refused as refused:
                _note(sheet, index, refused)
            else:
                found.append(trial)
        sheet.end()
        return found

    now = clock.now()
    with opened.database() as database:
        found = [_tried(database, trial, limit) for trial in database.read(prepare)]
    if as_json:
        show_json(found)
        return
    for index, shown in enumerate(found):
        if index:
            show_line("")
        _show(shown)


def _note(sheet: Sheet, index: int, refused: Refused) -> None:
    """Keep what is wrong with one rule, to be told with its line; the days are nobody's."""
    refusal = refused.refusal
    if refusal.code == "rule.period":
        raise refused
    place = "" if sheet.single else f"/rules/{index}"
    sheet.faults.append((f"{place}{refusal.pointer}", refusal.detail))


def _tried(database: Database, trial: Trial, limit: int) -> dict[str, Any]:
    """Look at all payments, chunk by chunk; of the cases only those that are listed are kept."""
    tally = Tally()
    cases: list[Case] = []
    for chunk in trying.chunks(database.read, trial):
        tally.add(chunk)
        cases += [case for case in chunk.cases if case.fires][: limit - len(cases)]
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{tally.looked_at:,} payments looked at ")
            sys.stderr.flush()
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    return shown_trial(trial, tally, cases)


def _show(shown: dict[str, Any]) -> None:
    show_line(plain(f"{shown['name']}: {shown['sentence']}"))
    show_line(
        f"From {shown['since']} to {shown['until']}: {shown['looked_at']:,} payments looked at. "
        f"It applies to {shown['matched']:,} of them and does something in {shown['fires']:,} "
        f"cases. Amounts are in {shown['currency']}."
    )
    show_table(SUMS, [[each[name] for name in SUMS] for each in shown["actions"]])
    for each in shown["actions"]:
        if each["note"]:
            say(f"{each['action']}: {each['note']}")
    lines = [
        [
            *(case["at"], plain(case["receipt_number"]), plain(case["invoice_number"])),
            *(result["action"], result["outcome"], plain(result["amount"])),
            plain(result["detail"]),
        ]
        for case in shown["cases"]
        for result in case["results"]
    ]
    show_table(CASES, lines)
    if shown["more"]:
        left = shown["fires"] - len(shown["cases"])
        say(f"There are {left:,} more cases. --limit lists more of them.")
