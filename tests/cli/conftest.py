"""The command line, run in this process, in a folder and with settings of its own."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tallystick import older_settings, settings
from tallystick.cli import main

_OLDER = (
    *older_settings.OLDER.values(),
    *older_settings.ALWAYS.values(),
    *older_settings.DATABASE_PARTS,
)


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code, its data and its words."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the working directory, in which no setting is made."""
    made = [f"{settings.PREFIX}{name.upper()}" for name in settings.Settings.model_fields]
    for name in [*made, *_OLDER, *settings.unknown_names()]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a way to run a command, with settings given by their names without prefix."""
    assert folder.is_dir()

    def run(*arguments: str, **given: str) -> Ended:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["tallystick", *arguments])
            for name, value in given.items():
                patch.setenv(f"TALLYSTICK_{name}", value)
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, out, err)

    return run


@pytest.fixture
def migrated(migrated_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an empty, migrated database, which is the one that is set."""
    assert folder.is_dir()
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", migrated_url)
    return migrated_url
