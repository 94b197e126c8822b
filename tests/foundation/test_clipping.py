"""Texts of others: cut to a length, and without what no text of Postgres can hold."""

import pytest

from app.foundation.clipping import clip, clip_end, clip_facts, message

LONG = "x" * 3_000_000


@pytest.mark.parametrize("cut", [clip, clip_end])
def test_a_clipped_text_can_be_stored_and_is_no_longer_than_allowed(cut):
    for text in (
        "a\x00b",
        "\ud800",
        "\udcff" * 900,
        "\x00" * 9_000,
        LONG,
        f"{LONG}\x00",
        "é" * 900,
    ):
        clipped = cut(text, 500)
        assert len(clipped) <= 500
        assert "\x00" not in clipped
        clipped.encode()
    assert cut("as it was", 500) == "as it was"


def test_a_text_is_clipped_at_its_end_and_a_traceback_at_its_beginning():
    assert clip("begin" + LONG, 6) == "beginx"
    assert clip_end(LONG + "end", 4) == "xend"


def test_the_message_of_an_error_names_its_type_even_if_it_cannot_be_read():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert message(LookupError("gone\x00")) == "LookupError: gone"
    assert message(LookupError()) == "LookupError"
    assert message(Mute()) == "Mute"
    assert len(message(LookupError(LONG))) == 500


def test_facts_are_clipped_however_deep_they_are():
    facts = {"a": LONG, "b": [LONG, {"c\x00": "\x00"}], "d": 1, "e": None, "f": True}
    clipped = clip_facts(facts)
    assert len(clipped["a"]) == len(clipped["b"][0]) == 2_000
    assert clipped["b"][1] == {"c": ""}
    assert (clipped["d"], clipped["e"], clipped["f"]) == (1, None, True)
