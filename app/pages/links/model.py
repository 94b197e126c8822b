"""What the pages behind the links of mails say, in the languages of the mails."""

import msgspec

from app.people.mail_links.model import Purpose


class Page(msgspec.Struct, frozen=True):
    """What a page asks, what its buttons say, and what it says once it is done."""

    title: str
    text: str  # with {address}, {name} and {day}
    yes: str
    done: str
    no: str = ""
    refused: str = ""  # what it says once `no` was chosen


class Words(msgspec.Struct, frozen=True):
    """All words of a language, as its file has them."""

    over: str
    over_text: str
    password: str
    password_hint: str
    password_bad: str
    thanks: str
    pages: dict[Purpose, Page]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A page that asks, before anything is done."""

    purpose: Purpose
    token: str
    language: str
    address: str
    name: str
    day: str
    is_password_bad: bool = False
