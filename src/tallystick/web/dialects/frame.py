"""What every dialect has: a name, a place where it is served, and its own way to say no."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Scope

BASE: Final = "/dialects/"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings say of dialects."""

    names: tuple[str, ...] = ()
    """The dialects that are served, each below its base."""
    root: str | None = None
    """The one that is served at the root too."""
    organization: str | None = None
    """The organization of dialects that know only one, by its slug."""
    trusting: bool = False
    """Whether a dialect does what its contract says about keys; else every request needs one."""
    api_key: str | None = None
    """The one key that an older contract knows."""
    api_v1_prefix: str = "/api/v1"


NONE_CHOSEN: Final = Chosen()


class Refuse(Protocol):
    """Answers in the error form of a dialect."""

    def __call__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None, /
    ) -> Response:
        """Make the answer."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One older contract."""

    name: str
    routes: Callable[[Chosen], Sequence[BaseRoute]]
    """Its operations and pages, by their paths in the contract."""
    prefixes: Callable[[Chosen], tuple[str, ...]]
    """The paths below which, at the root, nothing else is ours."""
    refuse: Refuse


class Mounted:
    """A dialect at its place: below its base, or at the root."""

    def __init__(self, dialect: Dialect, chosen: Chosen, *, root: bool) -> None:
        self.dialect = dialect
        self.base = "" if root else BASE + dialect.name
        self._own = list(dialect.routes(chosen))
        self._prefixes = dialect.prefixes(chosen) if root else (self.base,)
        self.docs = frozenset({f"{self.base}/docs", f"{self.base}/redoc"})

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes to serve it by."""
        if not self.base:
            return self._own
        # An address is one address: a redirect would also trust whatever host the caller names.
        return [Mount(self.base, app=Router(self._own, redirect_slashes=False))]

    def owns(self, path: str) -> bool:
        """Say whether an address is one of this dialect's, though nothing may be there."""
        return any(path == prefix or path.startswith(prefix + "/") for prefix in self._prefixes)

    def methods(self, path: str) -> list[str]:
        """Name the methods that an address of this dialect has."""
        inner = path.removeprefix(self.base)
        methods: set[str] = set()
        for route in self._own:
            if isinstance(route, Route) and route.path_regex.match(inner):
                methods |= route.methods or set()
        # Whatever can be read by GET can be asked for by HEAD.
        return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


class Dialects:
    """The dialects of one application."""

    def __init__(self, known: Mapping[str, Dialect], chosen: Chosen) -> None:
        self.mounted = [Mounted(known[name], chosen, root=False) for name in chosen.names]
        if chosen.root is not None:
            self.mounted.append(Mounted(known[chosen.root], chosen, root=True))
        self.docs = frozenset(path for mounted in self.mounted for path in mounted.docs)

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of all, those at the root last."""
        return [route for mounted in self.mounted for route in mounted.routes]

    def owner(self, scope: Scope) -> Mounted | None:
        """Find the dialect that a request was meant for."""
        path = own_path(scope)
        return next((mounted for mounted in self.mounted if mounted.owns(path)), None)


def mounted_at(scope: Scope) -> str:
    """Give where below the root of the application a dialect is served."""
    root: str = scope.get("root_path", "")
    return root.removeprefix(scope.get("app_root_path", root))


def own_path(scope: Scope) -> str:
    """Give the path of a request below the root of the application, wherever a proxy put that."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
