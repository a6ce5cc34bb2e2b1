"""The settings: defaults, refusals in one sentence, and nothing secret on show."""

from pathlib import Path

import pytest

from tallystick import older_settings, settings
from tallystick.settings import BadSetting, load

_OLDER = (
    *older_settings.OLDER.values(),
    *older_settings.ALWAYS.values(),
    *older_settings.DATABASE_PARTS,
)
SECRET = "a secret of thirty-two characters or more"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = [f"{settings.PREFIX}{name.upper()}" for name in settings.Settings.model_fields]
    for name in [*made, *_OLDER, *settings.unknown_names()]:
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
        "dialects": None,
        "root_dialect": None,
        "dialect_organization": None,
        "api_key": None,
        "api_v1_prefix": "/api/v1",
        "base_url": None,
        "smtp_url": None,
        "mail_from": None,
        "mailbox_dir": None,
        "sealing_keys": None,
        "fakepay_url": "http://127.0.0.1:9000/fakepay",
        "fakepay_secret": None,
        "provider_timeout_s": 10,
        "requests_at_once": 60_000,
        "requests_per_s": 1_000,
        "public_per_minute": 300,
        "failures_per_minute": 6_000,
        "trusted_proxies": None,
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
        ("PROVIDER_TIMEOUT_S", "0", "seconds, more than 0 and at most 120, such as 10"),
        ("PROVIDER_TIMEOUT_S", "nan", "seconds, more than 0 and at most 120, such as 10"),
        ("PROVIDER_TIMEOUT_S", "121", "seconds, more than 0 and at most 120, such as 10"),
        ("FAKEPAY_URL", "127.0.0.1:9000", "an address such as http://127.0.0.1:9000/fakepay"),
        ("FAKEPAY_URL", "http://a@b/", "an address such as http://127.0.0.1:9000/fakepay"),
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


OLDER = {
    "DATABASE_URL": "postgresql+asyncpg://me@db/school",
    "API_KEY": "b7f0a1c44e",
    "API_V1_PREFIX": "/api/v2",
    "ENVIRONMENT": "test",
    "LOG_LEVEL": "WARN",
}


def _found() -> dict[str, object]:
    names = {"database_url", "api_v1_prefix", "environment", "log_level", "api_key"}
    found = load().model_dump(include=names)
    return {**found, "api_key": found["api_key"].get_secret_value()}


def test_older_variables_are_read_where_ours_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OLDER.items():
        monkeypatch.setenv(name, value)
    assert _found() == {
        "database_url": "postgresql://me@db/school",
        "api_key": "b7f0a1c44e",
        "api_v1_prefix": "/api/v2",
        "environment": "development",
        "log_level": "warning",
    }


def test_ours_go_before_older_ones_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in OLDER.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".env").write_text(
        "TALLYSTICK_DATABASE_URL=sqlite:///ours.db\nTALLYSTICK_API_KEY=9d21e0\n"
    )
    assert load().database_url == "sqlite:///ours.db"
    found = load().api_key
    assert found is not None
    assert found.get_secret_value() == "9d21e0"


def test_older_variables_are_read_from_the_file(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in OLDER.items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert _found()["database_url"] == "postgresql://me@db/school"


@pytest.mark.parametrize(
    ("parts", "address"),
    [
        (("root", "p@ss:w/rd %", "127.0.0.1:3306/fakepay"), "root:p%40ss%3Aw%2Frd%20%25@127.0.0.1"),
        (("root", "", "127.0.0.1:3306/fakepay"), "root@127.0.0.1"),
        (("", "", "127.0.0.1:3306/fakepay"), "127.0.0.1"),
    ],
)
def test_a_database_in_parts_is_one_of_mysql(
    tmp_path: Path, parts: tuple[str, str, str], address: str
) -> None:
    lines = zip(older_settings.DATABASE_PARTS, parts, strict=True)
    (tmp_path / ".env").write_text("\n".join(f"{name}={value!r}" for name, value in lines))
    assert load().database_url == f"mysql://{address}:3306/fakepay"


def test_an_address_of_the_database_goes_before_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_URL", "no address at all")
    with pytest.raises(BadSetting) as refused:
        load()
    assert str(refused.value) == (
        "DB_URL cannot be used. Set it to host:port/database, such as 127.0.0.1:3306/books."
    )
    monkeypatch.setenv("DB_URL", "127.0.0.1:3306/books")
    for name, url in {
        "DATABASE_URL": "postgresql://me@db/school",
        "TALLYSTICK_DATABASE_URL": "sqlite:///ours.db",
    }.items():
        monkeypatch.setenv(name, url)
        assert load().database_url == url


@pytest.mark.parametrize(
    "key", ["", "changeme", "your-api-key", "change-me-now-please", "b7f0a1c44e"]
)
def test_production_refuses_a_key_that_everybody_knows(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("API_KEY", key)
    assert load().environment == "development"
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("TALLYSTICK_SECRET_KEY", SECRET)
    with pytest.raises(
        BadSetting, match=r"^API_KEY is empty, shorter than 16 characters or a sample"
    ):
        load()


def test_an_empty_key_in_the_file_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("API_KEY=\n")
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("TALLYSTICK_SECRET_KEY", SECRET)
    with pytest.raises(BadSetting, match=r"^API_KEY is empty"):
        load()


def test_production_takes_a_key_of_its_own_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "staging")
    monkeypatch.setenv("TALLYSTICK_SECRET_KEY", SECRET)
    assert load().environment == "production"
    assert load().api_key is None
    monkeypatch.setenv("API_KEY", "exchange-b7f0a1c44e")
    assert load().api_key is not None


def test_a_bad_older_value_names_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in ("loud", "LOUD"):
        monkeypatch.setenv("LOG_LEVEL", level)
        with pytest.raises(BadSetting, match=r"^LOG_LEVEL is “loud”"):
            load()


@pytest.mark.parametrize(
    "key", ["clé-b7f0a1c44e9d21", "b7f0a1c44e9d21\n", " b7f0a1c44e9d21", "密钥"]
)
def test_a_key_that_no_header_carries_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("API_KEY", key)
    with pytest.raises(BadSetting) as refused:
        load()
    assert str(refused.value) == (
        "API_KEY cannot be used. Set it to a key that nobody else knows, of letters, digits and "
        "signs of ASCII and without spaces around it, since a header carries nothing else unharmed."
    )


def test_a_prefix_may_end_with_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_V1_PREFIX", "/billing/v2/")
    assert load().api_v1_prefix == "/billing/v2"


@pytest.mark.parametrize("prefix", ["api", "/", "/v1", "/dialects/x", "/v1/", "//"])
def test_a_prefix_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv("API_V1_PREFIX", prefix)
    with pytest.raises(BadSetting, match="a path such as /api/v1"):
        load()


@pytest.mark.parametrize("missing", ["base_url", "mail_from"])
def test_production_that_sends_mails_says_from_where(missing: str) -> None:
    given = {
        "environment": "production",
        "secret_key": SECRET,
        "smtp_url": "smtp://ann:hush@mail.example.com",
        "base_url": "https://books.example.com",
        "mail_from": "books@example.com",
    }
    assert load(**given).mail_from == "books@example.com"
    del given[missing]
    with pytest.raises(BadSetting, match=f"TALLYSTICK_{missing.upper()} is not set") as raised:
        load(**given)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["books.example.com", "ftp://books.example.com", "https://a@b", "https://a/?b", "https://a#"],
)
def test_a_base_url_is_an_address_alone(url: str) -> None:
    with pytest.raises(BadSetting, match="Set it to the address that people open"):
        load(base_url=url)
    assert load(base_url="https://books.example.com/at/").base_url is not None


def test_the_address_of_fakepay_always_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TALLYSTICK_FAKEPAY_URL", "http://127.0.0.1:9001/fakepay")
    assert load().fakepay_url == "http://127.0.0.1:9001/fakepay"
    (tmp_path / ".env").write_text("FAKEPAY_URL=http://127.0.0.1:9002/fakepay\n")
    assert load().fakepay_url == "http://127.0.0.1:9002/fakepay"
    monkeypatch.setenv("FAKEPAY_URL", "http://127.0.0.1:9003/fakepay")
    assert load().fakepay_url == "http://127.0.0.1:9003/fakepay"
    monkeypatch.setenv("FAKEPAY_URL", "9003")
    with pytest.raises(BadSetting, match=r"^FAKEPAY_URL is “9003”, which cannot be used\."):
        load()


def test_the_secret_of_the_stand_in_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_FAKEPAY_SECRET", "hush, and more of it")
    assert "hush" not in repr(load())
    monkeypatch.setenv("TALLYSTICK_FAKEPAY_SECRET", "hush")
    with pytest.raises(BadSetting) as refused:
        load()
    assert str(refused.value) == (
        "TALLYSTICK_FAKEPAY_SECRET cannot be used. Set it to a text of at least 16 characters."
    )


def test_a_plug_in_has_settings_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TALLYSTICK_ACME_API_KEY=file\nTALLYSTICK_ACME_REGION=eu\n")
    monkeypatch.setenv("TALLYSTICK_ACME_API_KEY", "environment")
    monkeypatch.setenv("TALLYSTICK_ACME_EMPTY", "")
    assert settings.options_of("acme") == {"api_key": "environment", "region": "eu"}
    assert settings.unknown_names() == ["TALLYSTICK_ACME_API_KEY", "TALLYSTICK_ACME_EMPTY"]
    assert settings.unknown_names(["acme"]) == []


def test_trusted_proxies_are_addresses_or_networks() -> None:
    assert load(trusted_proxies="127.0.0.1, 10.0.0.0/8").trusted_proxies == "127.0.0.1,10.0.0.0/8"
    for wrong in ("*", "localhost", "127.0.0.1,", "10.0.0.1/8"):
        with pytest.raises(BadSetting, match="TRUSTED_PROXIES is"):
            load(trusted_proxies=wrong)


@pytest.mark.parametrize(
    "name", ["requests_at_once", "requests_per_s", "public_per_minute", "failures_per_minute"]
)
def test_a_limit_is_a_number(name: str) -> None:
    for wrong in (0, -1, "many"):
        with pytest.raises(BadSetting, match=f"TALLYSTICK_{name.upper()} is"):
            load(**{name: wrong})
