"""The habits of the code that no other tool checks; a failure lists every place to mend."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "src/tallystick/"
CORE = ("kernel", "parties", "auth", "ledger", "invoices", "payments")

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# Names that say nothing about what is inside, so that anything ends up there.
NAMELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "base.py"}

# Words for which the glossary has another one: invoice, dispute, provider. They count inside a name
# as well (`gateway_url`); only HTTP's own BAD_GATEWAY and GATEWAY_TIMEOUT are not ours to rename.
RIVALS = re.compile(
    r"(?<![a-z])(?<!bad_)(bill|chargeback|gateway)s?(?![a-z])(?!_timeout)", re.IGNORECASE
)

# The version, and two entry points that are published under the name of their package.
INITS_WITH_CODE = {
    f"{PACKAGE}{path}" for path in ("__init__.py", "migrations/__init__.py", "cli/__init__.py")
}

# Kept as its authors published it: its words are not ours to choose.
VENDORED = f"{PACKAGE}web/static/swagger-ui/"

# Joined from parts, so that this file does not contain what it forbids.
REGISTRIES = re.compile(
    "|".join(
        re.escape("".join(parts))
        for parts in (
            ("pypi", ".org"),
            ("python", "hosted"),
            ("registry.", "npmjs"),
            ("deb.", "debian.org"),
        )
    )
)
MACHINE_PATHS = re.compile("(?<![A-Za-z0-9_.])/(work|root|tmp)/")
LOCKED = re.compile(
    r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [A-Za-z0-9_ '<>=!.]+)? \\"
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
)

# What is made here and never committed; the version control itself may be absent.
SKIPPED_FOLDERS = {"__pycache__", "build", "dist", "results", "site"}
SKIPPED_SUFFIXES = (".db", ".db-shm", ".db-wal", ".pyc", ".egg-info")


@dataclass(frozen=True)
class Text:
    """A text file of the project, by its path below the root."""

    path: str
    content: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.content)

    def find(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """Yield the place and the words of each line that a pattern is found in."""
        for number, line in enumerate(self.content.splitlines(), start=1):
            if match := pattern.search(line):
                yield f"{self.path}:{number}: {match[0]}"

    def in_core(self) -> bool:
        return self.path.startswith(tuple(f"{PACKAGE}{package}/" for package in CORE))


@pytest.fixture(scope="module")
def texts() -> list[Text]:
    """Return every text file that is, or could be, committed."""
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = sorted(
            name
            for name in below
            if name not in SKIPPED_FOLDERS and (name == ".ci" or not name.startswith("."))
        )
        for name in sorted(names):
            if name == ".env" or name.endswith(SKIPPED_SUFFIXES):
                continue
            path = Path(folder, name)
            try:
                content = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            found.append(Text(path.relative_to(ROOT).as_posix(), content))
    return found


@pytest.fixture(scope="module")
def sources(texts: list[Text]) -> list[Text]:
    """Return our Python; it is never empty, on which every test here would pass."""
    found = [text for text in texts if text.path.startswith(PACKAGE) and text.path.endswith(".py")]
    assert f"{PACKAGE}kernel/money.py" in {text.path for text in found}
    return found


def test_files_are_short(sources: list[Text]) -> None:
    lengths = {text.path: len(text.content.splitlines()) for text in sources}
    assert {path: length for path, length in lengths.items() if length > FILE_LINES_MAX} == {}


def test_functions_are_short(sources: list[Text]) -> None:
    lengths = {
        f"{text.path}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for text in sources
        for node in ast.walk(text.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {place: length for place, length in lengths.items() if length > FUNCTION_LINES_MAX} == {}


def test_file_names_say_what_is_inside(sources: list[Text]) -> None:
    assert [text.path for text in sources if text.path.split("/")[-1] in NAMELESS] == []


def test_the_glossary_has_no_rivals(texts: list[Text]) -> None:
    ours = [text for text in texts if text.path.startswith(PACKAGE)]
    ours = [text for text in ours if not text.path.startswith(VENDORED)]
    assert [place for text in ours for place in text.find(RIVALS)] == []


def test_the_core_has_no_floats(sources: list[Text]) -> None:
    core = [text for text in sources if text.in_core()]
    assert [place for text in core for place in text.find(re.compile(r"\bfloat\("))] == []


def test_only_the_database_commits(sources: list[Text]) -> None:
    others = [text for text in sources if text.path != f"{PACKAGE}kernel/database.py"]
    assert [place for text in others for place in text.find(re.compile(r"\.commit\("))] == []


def test_nothing_changes_or_removes_an_event(sources: list[Text]) -> None:
    changing = re.compile(
        r"(update|delete)\(EVENTS\)|\bEVENTS\.(update|delete)\(|EVENT_CHANGES\.delete"
    )
    assert [place for text in sources for place in text.find(changing)] == []
    emptying = re.compile(r"EVENT_CHANGES\.update\(|update\(EVENT_CHANGES\)")
    found = [place for text in sources for place in text.find(emptying)]
    assert [place.split(":")[0] for place in found] == [f"{PACKAGE}kernel/events.py"]


def test_a_todo_carries_a_name(sources: list[Text]) -> None:
    unnamed = re.compile(r"\bTODO\b(?!\([a-z])")
    assert [place for text in sources for place in text.find(unnamed)] == []


def test_a_package_says_what_it_is_for(sources: list[Text]) -> None:
    inits = {text.path: text.tree for text in sources if text.path.endswith("/__init__.py")}
    # Alembic loads revisions by path, so their folder is no package.
    folders = {text.path.rpartition("/")[0] for text in sources} - {f"{PACKAGE}migrations/versions"}
    assert sorted(folders - {path.rpartition("/")[0] for path in inits}) == []
    assert [path for path, tree in inits.items() if not ast.get_docstring(tree)] == []


def test_a_package_holds_no_code_of_its_own(sources: list[Text]) -> None:
    inits = [text for text in sources if text.path.endswith("/__init__.py")]
    assert [
        text.path for text in inits if text.path not in INITS_WITH_CODE and len(text.tree.body) > 1
    ] == []


def test_architecture_names_the_packages_that_exist() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = re.search(r"^## Codemap$(.*?)(?=^## |\Z)", architecture, re.MULTILINE | re.DOTALL)
    assert section
    named = re.findall(r"^(?:[-*] |\| ?)`([a-z_]+)(?:\.py|/)?`", section[1], re.MULTILINE)
    exist = [
        path.stem
        for path in (ROOT / PACKAGE).iterdir()
        if not path.name.startswith(("_", ".")) and (path.is_dir() or path.suffix == ".py")
    ]
    assert sorted(named) == sorted(exist)


def test_no_registry_is_named(texts: list[Text]) -> None:
    # Locks and documents must hold wherever packages come from.
    assert [place for text in texts for place in text.find(REGISTRIES)] == []


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_locks_hold_versions_and_hashes_only(lock: str) -> None:
    lines = (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not LOCKED.fullmatch(line)] == []
    assert any("flit-core==" in line for line in lines)


def test_no_path_of_one_machine_is_named(texts: list[Text]) -> None:
    ours = [text for text in texts if not text.path.startswith(("tests/", ".ci/"))]
    assert [place for text in ours for place in text.find(MACHINE_PATHS)] == []
