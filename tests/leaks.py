"""Looks for secrets in what every test of the suite logs: one that is found fails the run."""

import re
from typing import Final

import pytest

SECRET: Final = re.compile(
    # Keys, personal tokens, sessions and payers' links, whole.
    r"ts[kus]_[A-Za-z0-9_-]{43}|tsl_[A-Za-z0-9_-]{60}"
    # Hashes of passwords, and the passwords that the tests give their people.
    r"|\$argon2id\$|four words in a row|planted Z"
    # Card numbers that the tests plant.
    r"|4111 ?1111 ?1111 ?1111|4242 ?4242 ?4242 ?4242"
)


class Leaks:
    """A plugin that reads the log and the standard error of every test."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at what one part of a test has logged; standard output is meant for people."""
        for title, words in report.sections:
            if "stdout" not in title and SECRET.search(words):
                self.found.append(f"{report.nodeid} ({title})")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run."""
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say in which tests."""
        if self.found:
            terminalreporter.section("SECRETS WERE LOGGED", sep="!", red=True, bold=True)
            for place in self.found:
                terminalreporter.line(place, red=True, bold=True)
