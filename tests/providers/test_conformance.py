"""FakePay keeps every promise of a provider, before our stand-in and one that is not ours."""

import pytest

from tallystick.testing.providers import ProviderConformance, Subject


class TestOurs(ProviderConformance):
    @pytest.fixture
    def subject(self, ours: Subject) -> Subject:
        return ours


class TestForeign(ProviderConformance):
    @pytest.fixture
    def subject(self, foreign: Subject) -> Subject:
        return foreign
