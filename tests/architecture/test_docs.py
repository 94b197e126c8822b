"""The pages name what there is: settings and their defaults, files, functions, links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from app.foundation.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "states.md", "tests/README.md")
OF_COMMANDS: Final = {"PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"}  # options of `berthold web`
FOLDERS: Final = r"(?:app|tasks|tests|migrations|docs)/"
NAMED_FUNCTION: Final = re.compile(rf"`(\w+)`(?: and `(\w+)`)? in `({FOLDERS}[\w/]+\.py)`")


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def settings() -> dict[str, Any]:
    """The variables of the environment that are read, each with its default."""
    fields = msgspec.structs.fields(Settings)
    named = {"environment": "BERTHOLD_ENV"}
    return {named.get(field.name, field.name.upper()): field.default for field in fields}


def test_readme_has_a_line_for_each_setting_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", text_of("README.md"), re.MULTILINE)
    assert sorted(rows) == sorted({*settings(), *OF_COMMANDS})


def test_the_defaults_of_settings_are_those_in_readme() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", text_of("README.md"), re.MULTILINE))
    for name, default in settings().items():
        if isinstance(default, int | float):
            assert rows[name] == f"{default:g}", name
        elif isinstance(default, str) and default:
            assert rows[name] == f"`{default}`", name


def test_the_example_of_an_environment_has_each_setting_and_no_other() -> None:
    names = re.findall(r"^#?([A-Z_]+)=", text_of(".env.example"), re.MULTILINE)
    assert sorted(names) == sorted({*settings(), *OF_COMMANDS})


def test_the_picture_of_the_wings_has_every_room() -> None:
    drawn = re.findall(r'"<b>(\w+)</b>.*<br/>(.+)"\]$', text_of("ARCHITECTURE.md"), re.MULTILINE)
    for wing, rooms in drawn:
        folders = {path.parent.name for path in ROOT.glob(f"app/{wing}/*/__init__.py")}
        if folders and wing != "sandbox":
            assert set(rooms.split(" · ")) == folders, wing
    wings = {path.parent.name for path in ROOT.glob("app/*/*.py")}
    assert wings == {wing for wing, _ in drawn} | {"development"}


def _named_paths(page: str) -> Iterator[str]:
    for path in re.findall(rf"`({FOLDERS}[^`\s]*)`", text_of(page)):
        yield re.sub(r"<\w+>", "*", path)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    assert [path for path in _named_paths(page) if not any(ROOT.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_function_that_is_named_is_in_its_file(page: str) -> None:
    missing = [
        f"{name} in {path}"
        for *names, path in NAMED_FUNCTION.findall(text_of(page))
        if (ROOT / path).exists()
        for name in filter(None, names)
        if not re.search(rf"\b(?:def|class) {name}\b|^{name}: Final", text_of(path), re.MULTILINE)
    ]
    assert missing == []


def _anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_repository_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page)):
        file, _, anchor = target.partition("#")
        assert (ROOT / (file or page)).exists(), target
        assert not anchor or anchor in _anchors(file or page), target
