"""What several commands share: how their help is written, and the options that mean the same."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
Organization = Annotated[str, typer.Option(metavar="SLUG", help="Organization, by its slug.")]

DAY = ["%Y-%m-%d"]
"""How a day is written."""


def help_text(*paragraphs: str, examples: tuple[str, ...]) -> str:
    """Write the help of a command; each example is what follows the program's name."""
    # The backspace is how a paragraph asks to keep its lines.
    lines = ["\b", "Examples:", *(f"  tallystick {example}" for example in examples)]
    return "\n\n".join([*paragraphs, "\n".join(lines)])
