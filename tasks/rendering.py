"""Pages from their templates (tasks/pages): self-contained HTML, figures exact, grouped for the eye."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from tasks import printed_cells, wording

_PAGES = Path(__file__).resolve().parent / "pages"


def template_sources() -> str:
    """Text of all templates: the words every page may say."""
    return "\n".join(template_text(path.name) for path in sorted(_PAGES.iterdir()))


def template_text(file: str) -> str:
    """Text of one of them, as it stands."""
    return (_PAGES / file).read_text(encoding="utf-8")


def render(name: str, **content: Any) -> bytes:
    """A page of a template and its content."""
    return (_template(name).render(**content) + "\n").encode()


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "number": _safe(printed_cells.number),
        "money": _safe(printed_cells.money),
        "signed": _safe(printed_cells.signed),
        "flow": _safe(printed_cells.flow),
        "who": _safe(printed_cells.who),
        "parted": parted,
        "moment": moment,
        "word": word,
    }
    environment.globals["glossary"] = _glossary()
    return environment.get_template(f"{name}.html.j2")


@cache
def _glossary() -> Markup:
    """Terms and what they mean: the same at the end of every statement."""
    terms = wording.words("glossary").items()
    return Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>\n").format(*each) for each in terms)


def _safe(cell: printed_cells.Cell) -> Callable[[str], Markup]:
    """A cell as a filter of templates."""
    return lru_cache(printed_cells.KEPT)(lambda text: Markup(cell(text)))


def parted(value: str) -> Markup:
    """A name in small letters that a narrow column may break between its words and nowhere within one."""
    return Markup(str(escape(value)).replace(".", ".<wbr>").replace("_", "_<wbr>"))


@lru_cache(printed_cells.KEPT)
def moment(value: str) -> Markup:
    """A time as a person reads it: 30 Jan 2026, 10:20; the exact text beside it."""
    if not value:
        return Markup(printed_cells.NONE)
    read = datetime.fromisoformat(value)
    shown = f"{read.day} {read:%b %Y, %H:%M}{f':{read:%S}' if read.second else ''}"
    return Markup('<time datetime="{}">{}</time>').format(value, shown)


def word(value: str, section: str) -> str:
    """A code in words, the code itself where it has none."""
    return wording.words(section).get(value, value)
