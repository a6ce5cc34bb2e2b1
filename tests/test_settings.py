"""The settings: defaults, refusals in one sentence, and nothing secret on show."""

from pathlib import Path

import pytest

from tallystick import settings
from tallystick.settings import BadSetting, load

SECRET = "a secret of thirty-two characters or more"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = [f"{settings.PREFIX}{name.upper()}" for name in settings.Settings.model_fields]
    for name in [*made, *settings.unknown_names()]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_serve_one_machine() -> None:
    found = load()
    assert found.model_dump(exclude={"secret_key"}) == {
        "environment": "development",
        "database_url": "sqlite:///tallystick.db",
        "host": "127.0.0.1",
        "port": 8000,
        "log_level": "info",
        "log_format": "json",
    }
    assert found.secret_key.get_secret_value() == settings.DEVELOPMENT_SECRET_KEY


def test_the_environment_goes_before_the_file_and_an_option_before_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("TALLYSTICK_PORT=8001\nTALLYSTICK_LOG_LEVEL=WARNING\nOTHER=1\n")
    assert load().port == 8001
    assert load().log_level == "warning"
    monkeypatch.setenv("TALLYSTICK_PORT", "8002")
    assert load().port == 8002
    assert load(port=8003).port == 8003
    assert load(port=None).port == 8002
    monkeypatch.setenv("TALLYSTICK_PORT", "")
    assert load().port == 8001


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "eighty", "a whole number from 1 to 65535, such as 8000"),
        ("PORT", "65536", "a whole number from 1 to 65535, such as 8000"),
        ("ENVIRONMENT", "staging", "one of development and production"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning and error"),
        ("LOG_FORMAT", "xml", "one of json and console"),
    ],
)
def test_a_bad_value_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(f"TALLYSTICK_{name}", value)
    with pytest.raises(BadSetting) as refused:
        load()
    sentence = f"TALLYSTICK_{name} is “{value}”, which cannot be used. Set it to {wanted}."
    assert str(refused.value) == sentence


def test_a_bad_option_is_named_with_its_own_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_PORT", "8001")
    with pytest.raises(BadSetting, match=r"TALLYSTICK_PORT is “0”"):
        load(port=0)


def test_two_bad_values_are_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_PORT", "x")
    monkeypatch.setenv("TALLYSTICK_LOG_FORMAT", "x")
    with pytest.raises(BadSetting) as refused:
        load()
    assert [line.split()[0] for line in str(refused.value).splitlines()] == [
        "TALLYSTICK_PORT",
        "TALLYSTICK_LOG_FORMAT",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_development_listens_on_any_loopback_address(host: str) -> None:
    assert load(host=host).host == host


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "0.0.0.0", "::", "example.org", "127.0.0.1.example.org"]
)
def test_development_refuses_other_hosts(host: str) -> None:
    with pytest.raises(BadSetting) as refused:
        load(host=host)
    assert str(refused.value) == (
        f"TALLYSTICK_HOST is “{host}”, which other machines can reach, but development listens on "
        "this machine only. Set it to 127.0.0.1, or set TALLYSTICK_ENVIRONMENT=production."
    )


@pytest.mark.parametrize("secret", [None, "", "short", settings.DEVELOPMENT_SECRET_KEY])
def test_production_needs_a_secret_key_of_its_own(
    monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("TALLYSTICK_ENVIRONMENT", "production")
    if secret is not None:
        monkeypatch.setenv("TALLYSTICK_SECRET_KEY", secret)
    what = "is too short" if secret == "short" else "is not set"
    with pytest.raises(BadSetting) as refused:
        load()
    assert str(refused.value) == (
        f"TALLYSTICK_SECRET_KEY {what}, and production needs one of at least 32 characters that "
        "nobody else knows. Make one with `openssl rand -hex 32` and keep it."
    )


def test_production_may_listen_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_ENVIRONMENT", "production")
    monkeypatch.setenv("TALLYSTICK_SECRET_KEY", SECRET)
    assert load(host="0.0.0.0").host == "0.0.0.0"


def test_nothing_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_SECRET_KEY", SECRET)
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", "postgresql://me:hush@db/books")
    for text in (repr(load()), str(load()), load().model_dump_json(exclude={"database_url"})):
        assert SECRET not in text
        assert "hush" not in text
    monkeypatch.setenv("TALLYSTICK_PORT", "x")
    with pytest.raises(BadSetting) as refused:
        load()
    assert refused.value.__cause__ is None
    assert SECRET not in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSetting, match=r"\.env cannot be read"):
        load()


def test_misspelt_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_DATABSE_URL", "sqlite://")
    monkeypatch.setenv("TALLYSTICK_PORT", "8000")
    assert settings.unknown_names() == ["TALLYSTICK_DATABSE_URL"]
