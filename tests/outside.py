"""Programs of other people that judge our books: where they are, and what they say."""

import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Transaction

from tallystick.kernel import money
from tests.engines import required

TIMEOUT_S = 120

Held = dict[tuple[str, str], int]
"""Minor units by account and currency, without zeros."""


def bean_check(path: Path) -> None:
    """Let Beancount check a file; it stands in the lock, so it is always there."""
    program = Path(sys.executable).with_name("bean-check")
    ended = _run([str(program), str(path)])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def beancount_balances(path: Path) -> Held:
    """Let Beancount add up each account."""
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    sums: dict[tuple[str, str], Decimal] = {}
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                units: Any = posting.units
                place = posting.account, units.currency
                sums[place] = sums.get(place, Decimal(0)) + units.number
    return _held(sums)


def hledger_check(path: Path) -> None:
    """Let hledger check a file, that everything in it was declared included."""
    ended = _run([_hledger(), "-f", str(path), "check", "--strict"])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def hledger_balances(path: Path) -> Held:
    """Let hledger add up each account."""
    form = ["balance", "--flat", "--no-total", "--output-format=csv", "--layout=bare"]
    ended = _run([_hledger(), "-f", str(path), *form])
    assert (ended.returncode, ended.stderr) == (0, "")
    return _held(
        {
            (row["account"], row["commodity"]): Decimal(row["balance"])
            for row in csv.DictReader(io.StringIO(ended.stdout))
            if row["commodity"]
        }
    )


def _hledger() -> str:
    program = shutil.which("hledger")
    if program is None:
        message = "NOT TESTED: hledger is not installed"
        if "hledger" in required():
            pytest.fail(message)
        pytest.skip(message)
    return program


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    # hledger refuses text in the C locale, which is what is left without an environment.
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
    )


def _held(sums: Mapping[tuple[str, str], Decimal]) -> Held:
    held = {}
    for (account, currency), balance in sums.items():
        minor = balance.scaleb(money.exponent(currency))
        assert minor == int(minor), f"{account} holds {balance} {currency}"
        if minor:
            held[account, currency] = int(minor)
    return held
