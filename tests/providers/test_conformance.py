"""Each provider keeps every promise: FakePay, before our stand-in and one that is not ours, and one
of another kind, where the payer pays on a page of the provider.
"""

from collections.abc import Iterator

import pytest

from tallystick.testing.providers import ProviderConformance, Subject
from tests.providers import hosted


class TestOurs(ProviderConformance):
    without = frozenset({"safe repeats", "pages"})

    @pytest.fixture
    def subject(self, ours: Subject) -> Subject:
        return ours


class TestForeign(ProviderConformance):
    without = frozenset(
        {"look-ups", "safe repeats", "refunds", "reports", "events", "late success", "pages"}
    )

    @pytest.fixture
    def subject(self, foreign: Subject) -> Subject:
        return foreign


class TestHosted(ProviderConformance):
    without = frozenset({"reports", "events", "declines", "late success"})

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        with hosted.company() as company:
            yield hosted.subject(company)
