"""The HTML of the pages behind links. They need no script, and load nothing."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.pages.links.model import Shown, Words
from app.people.mail_links.model import Purpose

_PAGES: Final = Environment(
    loader=PackageLoader("app.pages.links"), undefined=StrictUndefined, autoescape=True
)
_FILES: Final = Path(__file__).parent / "templates"
WORDS: Final = {
    language: msgspec.toml.decode((_FILES / f"{language}.toml").read_text(), type=Words)
    for language in ("en", "fr")
}
_STYLE: Final = (_FILES / "page.css").read_text()
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address of the page holds its token
}


def purpose_of(path: str) -> Purpose | None:
    """What a link does, by the last part of its address; None of any other."""
    known = {purpose.replace("_", "-"): purpose for purpose in Purpose}
    return known.get(path)


def language(header: str) -> str:
    """The first language of an Accept-Language header that pages have; else `en`."""
    wanted = [part.split(";")[0].split("-")[0].strip().lower() for part in header.split(",")]
    return next((each for each in wanted if each in WORDS), "en")


def page(shown: Shown) -> str:
    """The page that asks."""
    asked = WORDS[shown.language].pages[shown.purpose]
    text = asked.text.format(address=shown.address, name=shown.name, day=shown.day)
    return _render(
        shown.language,
        {
            "title": asked.title,
            "text": text,
            "asked": asked,
            "shown": shown,
            "asks_password": shown.purpose is Purpose.RESET,
        },
    )


def done(language: str, purpose: Purpose, *, refused: bool = False) -> str:
    """The page that says what was done."""
    words = WORDS[language]
    asked = words.pages[purpose]
    text = asked.refused if refused and asked.no else asked.done
    return _render(language, {"title": words.thanks, "text": text})


def over(language: str) -> str:
    """The page of a link that does nothing (any more)."""
    words = WORDS[language]
    return _render(language, {"title": words.over, "text": words.over_text})


def _render(language: str, facts: Mapping[str, object]) -> str:
    template = _PAGES.get_template("page.html")
    return template.render(
        {"shown": None, "language": language, "words": WORDS[language], "style": _STYLE, **facts}
    )
