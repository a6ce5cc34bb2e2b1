"""The few pages for people: what runs here, the interactive documentation, what each problem means.

Plain HTML without a template language: the pages are few and show nothing that a user wrote.
"""

import re
from html import escape
from http import HTTPStatus
from itertools import groupby

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Scope

import tallystick
from tallystick.web.arrival import Arrival
from tallystick.web.edge import Edge
from tallystick.web.kinds.kind import Kind
from tallystick.web.problems import PAGES, TABLE, problem

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_NOUNS = {
    "request": "Requests",
    "auth": "Keys and permissions",
    "login": "Logging in",
    "password": "Passwords",
    "two_factor": "The second factor",
    "session": "Sessions",
    "setup": "The first person",
    "user": "Users",
    "member": "Members",
    "invitation": "Invitations",
    "role": "Roles",
    "key": "API keys",
    "token": "Personal tokens",
    "payer_link": "Payers' links",
    "idempotency": "Idempotency",
    "precondition": "Changes at the same time",
    "paging": "Lists",
    "server": "The server",
    "organization": "Organizations",
    "customer": "Customers",
    "label": "Labels",
    "money": "Amounts",
    "invoice": "Invoices",
    "credit_note": "Credit notes",
    "write_off": "Write-offs",
    "payment": "Payments",
    "provider": "Providers",
    "card": "Cards",
    "rule": "Rules",
    "tolerance": "Tolerances",
    "receipt": "Receipts",
    "statement": "Statements",
    "refund": "Refunds",
    "alarm": "Alarms",
}


def shell(scope: Scope, *, title: str, main: str) -> str:
    """Put a page into the frame that all of them share."""
    root = escape(scope.get("root_path", ""))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="{root}/static/tallystick.svg" type="image/svg+xml">
<link rel="stylesheet" href="{root}/static/pages.css">
</head>
<body>
{_top(root)}
<main>
{main}
</main>
<footer>Tallystick {escape(tallystick.__version__)}</footer>
</body>
</html>
"""


def _top(root: str) -> str:
    return f"""<header class="top">
<a class="brand" href="{root}/">
<img src="{root}/static/tallystick.svg" alt="" width="26" height="26">Tallystick</a>
<nav aria-label="Main"><a href="{root}/docs">API</a> <a href="{root}{PAGES}">Problems</a></nav>
</header>"""


async def home(request: Request) -> Response:
    """Say what runs here, and link on."""
    edge, root = Edge.of(request.scope), escape(request.scope.get("root_path", ""))
    main = f"""<h1>Tallystick is running</h1>
<p class="lead">Issue invoices, collect what is owed, and keep books that both sides can check.</p>
<dl class="facts">
<div><dt>Version</dt><dd>{escape(tallystick.__version__)}</dd></div>
<div><dt>Environment</dt><dd>{escape(edge.environment)}</dd></div>
<div><dt>Database</dt><dd>{_ENGINES[edge.database.engine_name]}</dd></div>
</dl>
<ul class="cards">
<li><a href="{root}/docs"><strong>API documentation</strong>
<span>Every operation with its members and examples, to be tried here.</span></a></li>
<li><a href="{root}/openapi.json"><strong>OpenAPI document</strong>
<span>The same for programs: generate a client, import it elsewhere.</span></a></li>
<li><a href="{root}{PAGES}"><strong>Problems</strong>
<span>What each code of a refused request means, and what to do.</span></a></li>
<li><a href="{root}/health/ready"><strong>Readiness</strong>
<span>Whether the database answers and its tables are up to date.</span></a></li>
{_older(request, root)}</ul>
<section>
<h2>The first call</h2>
<p>On the machine that runs Tallystick, in the folder where it was started, make a key and keep it
in that terminal:</p>
<pre><code>KEY=$({_program(request)} key create --platform)</code></pre>
<p>Then ask there which organizations there are:</p>
<pre><code>curl -H "Authorization: Bearer $KEY" {_address(request)}/v1/organizations</code></pre>
</section>"""
    return HTMLResponse(shell(request.scope, title="Tallystick", main=main))


def _program(request: Request) -> str:
    """Name the command line as it was called, to whoever may well be at the same machine."""
    state, usual = request.scope["app"].state, "tallystick"
    # In production anybody may read the page, and where the program stands is not their business.
    development = Edge.of(request.scope).environment == "development"
    return escape(getattr(state, "program", usual)) if development else usual


def _older(request: Request, root: str) -> str:
    """Link to the documentation of each older contract that is served below its own base."""
    served = [mounted for mounted in request.scope["app"].state.dialects.mounted if mounted.base]
    return "".join(
        f"""<li><a href="{root}{mounted.base}/docs">
<strong>Older contract: {mounted.dialect.name}</strong>
<span>What it can do here, below {mounted.base}.</span></a></li>
"""
        for mounted in served
    )


_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB or MySQL"}


async def docs(request: Request) -> Response:
    """Show the interactive documentation; everything it needs comes from here."""
    root = escape(request.scope.get("root_path", ""))
    return HTMLResponse(f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tallystick API</title>
<link rel="icon" href="{root}/static/tallystick.svg" type="image/svg+xml">
<link rel="stylesheet" href="{root}/static/swagger-ui/swagger-ui.css">
<link rel="stylesheet" href="{root}/static/docs.css">
</head>
<body>
{_top(root)}
<main id="api"></main>
<noscript>This page needs JavaScript. The document itself is at
<a href="{root}/openapi.json">/openapi.json</a>.</noscript>
<script src="{root}/static/swagger-ui/swagger-ui-bundle.js"></script>
<script src="{root}/static/docs.js"></script>
</body>
</html>
""")


async def problem_index(request: Request) -> Response:
    """List every code, by its noun."""
    root = escape(request.scope.get("root_path", ""))
    sections = []
    for noun, codes in groupby(sorted(TABLE, key=_by_noun), key=lambda code: code.split(".")[0]):
        rows = "\n".join(
            f'<li><a href="{root}{PAGES}{code}"><code>{_breakable(code)}</code></a>'
            f"<span>{escape(TABLE[code].title)}</span>"
            f'<span class="status">{TABLE[code].status}</span></li>'
            for code in codes
        )
        sections.append(
            f'<section><h2>{_NOUNS[noun]}</h2>\n<ul class="codes">\n{rows}\n</ul></section>'
        )
    main = f"""<h1>Problems</h1>
<p class="lead">A request that cannot be done is answered with
<code>application/problem+json</code>. Its member <code>code</code> is one of these and never
changes; its <code>detail</code> tells the case in words.</p>
{"".join(sections)}"""
    return HTMLResponse(shell(request.scope, title="Problems · Tallystick", main=main))


def _breakable(code: str) -> str:
    """Let a code go on in another line between its words, where the screen is narrow."""
    return re.sub("([._])", r"\1<wbr>", code)


def _by_noun(code: str) -> tuple[int, str]:
    return list(_NOUNS).index(code.split(".", 1)[0]), code


async def problem_page(request: Request) -> Response:
    """Explain one code."""
    code = request.path_params["code"]
    kind = TABLE.get(code)
    if kind is None:
        return not_found(request.scope)
    root = escape(request.scope.get("root_path", ""))
    main = f"""<p class="crumb"><a href="{root}{PAGES}">Problems</a></p>
<h1>{escape(kind.title)}</h1>
<p class="facts-line"><code>{code}</code> {_status(kind)}</p>
<section class="sheet">
<h2>What it means</h2>
<p>{escape(kind.meaning)}</p>
<h2>What to do</h2>
<p>{escape(kind.remedy)}</p>
<h2>Sending the same request again</h2>
<p>{_AGAIN[kind.retryable]}</p>
</section>"""
    return HTMLResponse(shell(request.scope, title=f"{kind.title} · Tallystick", main=main))


_AGAIN = {
    True: "It may succeed later. Send the same Idempotency-Key, and it has its effect once.",
    False: "It will be refused again until something changes.",
}


def not_found(scope: Scope) -> Response:
    """Say that nothing is at this address."""
    return refused(scope, "request.path_unknown", "There is nothing at this address.")


def refused(
    scope: Scope, code: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """Answer with a problem: as a page to a browser, as a document to everybody else."""
    accept = Arrival.of(scope).header(b"accept") or ""
    if "text/html" not in accept:
        return problem(scope, code, detail, headers=headers)
    kind, root = TABLE[code], escape(scope.get("root_path", ""))
    main = f"""<h1>{escape(kind.title)}</h1>
<p class="facts-line"><code>{code}</code> {_status(kind)}</p>
<p class="lead">{escape(detail)}</p>
<p><a class="button" href="{root}/">Start page</a></p>"""
    page = shell(scope, title=f"{kind.title} · Tallystick", main=main)
    return HTMLResponse(page, kind.status, headers)


def _status(kind: Kind) -> str:
    return f'<span class="status">{kind.status} {HTTPStatus(kind.status).phrase}</span>'


def _address(request: Request) -> str:
    """Give the address under which the caller reached us, if it is one."""
    host = Arrival.of(request.scope).header(b"host") or ""
    root = escape(request.scope.get("root_path", ""))
    return f"{request.scope['scheme']}://{host if _HOST.fullmatch(host) else 'localhost'}{root}"


ROUTES = [
    Route("/", home, methods=["GET"]),
    Route("/docs", docs, methods=["GET"]),
    Route(PAGES.rstrip("/"), problem_index, methods=["GET"]),
    Route(PAGES, problem_index, methods=["GET"]),
    Route(PAGES + "{code}", problem_page, methods=["GET"]),
]
