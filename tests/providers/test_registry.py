"""Which providers there are: ours, and those that other packages bring as entry points."""

from pathlib import Path

import pytest

from tallystick.payments.provider import Failed, Given
from tallystick.settings import BadSetting, load
from tallystick.wiring import open_providers, plug_ins
from tests.providers.conftest import order

ACME = """
from tallystick.providers.fakepay import FakePay

class Acme(FakePay):
    name = "NAME"

def make(given):
    acme = Acme(url=given.options["url"], timeout_s=given.timeout_s, takes_cards=False)
    acme.given = given
    return acme
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package that brings a provider, as an installer would leave it."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    module = f"acme_{tmp_path.name.replace('-', '_')}"
    (info / "entry_points.txt").write_text(f"[tallystick.providers]\nacme = {module}:make\n")
    (tmp_path / f"{module}.py").write_text(ACME.replace("NAME", "acme"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TALLYSTICK_ACME_URL", "https://acme.example/")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "takes_cards"),
    [
        ({}, True),
        ({"environment": "production", "secret_key": "s" * 32}, False),
    ],
)
def test_fakepay_takes_cards_in_development_only(
    given: dict[str, str],
    takes_cards: bool,  # noqa: FBT001
) -> None:
    found = open_providers(load(**given))
    assert list(found) == ["fakepay"]
    abilities = found["fakepay"].abilities
    assert (abilities.takes_cards, abilities.looks_up) == (takes_cards, False)
    if not takes_cards:
        outcome = found["fakepay"].start(order())
        assert isinstance(outcome, Failed)
        assert outcome.code == "not_offered"


def test_the_secret_of_the_stand_in_opens_what_is_beyond_the_contract() -> None:
    found = open_providers(load(fakepay_secret="a secret of both sides"))
    assert found["fakepay"].abilities.looks_up


def test_another_package_brings_a_provider(acme: Path) -> None:
    assert acme.is_dir()
    assert list(plug_ins()) == ["acme"]
    found = open_providers(load(provider_timeout_s=3))
    assert sorted(found) == ["acme", "fakepay"]
    expected = Given({"url": "https://acme.example/"}, timeout_s=3, development=True)
    assert vars(found["acme"])["given"] == expected
    assert "acme.example" not in repr(expected)


def test_a_provider_that_cannot_be_made_is_a_sentence(
    acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert acme.is_dir()
    monkeypatch.delenv("TALLYSTICK_ACME_URL")
    with pytest.raises(
        BadSetting, match=r"^The provider acme \(.+:make\) cannot be made: 'url'\.$"
    ):
        open_providers(load())


def test_a_provider_is_called_what_its_entry_point_says(acme: Path) -> None:
    (module,) = acme.glob("acme_*.py")
    module.write_text(ACME.replace("NAME", "other"))
    with pytest.raises(BadSetting, match="calls itself “other”"):
        open_providers(load())


def test_no_plug_in_gets_a_card(acme: Path) -> None:
    (module,) = acme.glob("acme_*.py")
    module.write_text(ACME.replace("NAME", "acme").replace("takes_cards=False", "takes_cards=True"))
    with pytest.raises(BadSetting, match="wants card data, and no plug-in gets any"):
        open_providers(load())


@pytest.mark.parametrize("name", ["fakepay", "acme"])
def test_two_providers_cannot_have_one_name(acme: Path, name: str) -> None:
    info = acme / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tallystick.providers]\n{name} = other:make\n")
    with pytest.raises(BadSetting, match=f"Two providers are called {name}"):
        plug_ins()


def test_an_address_that_cannot_be_called_is_a_sentence() -> None:
    with pytest.raises(BadSetting, match=r"^TALLYSTICK_FAKEPAY_URL cannot be used\. The address"):
        open_providers(load(fakepay_url="http://127.0.0.1:99999/fakepay"))
