"""Links in mails, from the registration to the click: real mails, and pages as a browser sees."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.foundation.settings import settings
from app.people.mail_links import rules
from app.people.mail_links.model import Purpose
from tests.mail_server import Sink, running_mail_server
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop

PASSWORD = "correct horse battery"
ADA = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
THE_LINK = re.compile(r"(http\S+/links/\S+)\?token=(\S+)")


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with running_mail_server() as sink:
        yield sink


class Post:
    """Somebody's mail, read as it comes."""

    def __init__(self, shop: Shop, sink: Sink) -> None:
        self.shop = shop
        self.sink = sink

    async def read(self) -> dict[str, str]:
        """The mails that have come since, as one text for each address that they went to."""
        for _ in range(3):
            await self.shop.run_jobs("default", "mail")
        texts: dict[str, str] = {}
        for mail in self.sink.mails:
            text = mail.get_body(("plain",))
            assert text
            texts[str(mail["To"])] = texts.get(str(mail["To"]), "") + text.get_content()
        self.sink.mails.clear()
        return texts

    async def tokens(self, address: str) -> list[str]:
        return [token for _, token in THE_LINK.findall((await self.read())[address])]

    async def token(self, address: str = "ada@example.com") -> str:
        (token,) = await self.tokens(address)
        return token


@pytest.fixture
async def post(shop: Shop, sink: Sink) -> Post:
    return Post(shop, sink)


async def _register(shop: Shop, **more: str) -> dict[str, str]:
    """The headers of somebody who has registered as an app does."""
    reply = await shop.api.post("/api/auth/register", json=ADA | more)
    shop.api.cookies.clear()
    assert reply.status_code == 201, reply.text
    return {"authorization": f"Bearer {reply.json()['accessToken']}"}


async def _log_in(shop: Shop, email: str = "ada@example.com", password: str = PASSWORD) -> int:
    reply = await shop.api.post("/api/auth/login", json={"email": email, "password": password})
    shop.api.cookies.clear()
    return reply.status_code


async def _use(shop: Shop, purpose: str, token: str, **form: str) -> httpx.Response:
    return await shop.api.post(f"/links/{purpose}", data={"token": token, **form})


async def _me(shop: Shop, headers: dict[str, str]) -> Any:
    return (await shop.api.get("/api/me", headers=headers)).json()


async def _offer(shop: Shop, headers: dict[str, str]) -> tuple[int, str]:
    body = {
        "kind": "stay", "title": "A", "place": "B", "zone": "UTC", "policy": "strict",
        "price": {"amount": 10_000, "currency": "NGN"}, "checkInTime": "15:00:00",
        "checkOutTime": "11:00:00",
    }  # fmt: skip
    reply = await shop.api.post("/api/listings", json=body, headers=headers)
    return reply.status_code, reply.json().get("code", "")


async def _pay(shop: Shop, headers: dict[str, str]) -> tuple[int, str]:
    held = await shop.api.post(
        "/api/bookings/reserve",
        json={"tripId": str(shop.trip_id), "seatCount": 1},
        headers=headers,
    )
    reply = await shop.api.post(
        "/api/payments/initiate",
        json={"bookingId": held.json()["id"]},
        headers=headers | {"idempotency-key": "pay"},
    )
    return reply.status_code, reply.json().get("code", "")


# ---- proving an address -------------------------------------------------------------------------


async def test_nobody_pays_or_hosts_before_the_address_is_proved(shop: Shop, post: Post) -> None:
    headers = await _register(shop, role="host")
    assert await _pay(shop, headers) == (403, "email_not_proved")
    assert await _offer(shop, headers) == (403, "email_not_proved")
    reply = await shop.api.post(
        "/api/host/payout-accounts", json={}, headers=headers | {"idempotency-key": "a"}
    )
    assert reply.json()["code"] == "email_not_proved"

    token = await post.token()
    page = await shop.api.get("/links/verify", params={"token": token})
    assert (page.status_code, "Ada made an account" in page.text) == (200, True)
    assert (await _me(shop, headers))["emailProvedAt"] is None, "looking at it proves nothing"
    assert (await _use(shop, "verify", token, answer="yes")).status_code == 200

    assert (await _me(shop, headers))["emailProvedAt"]
    assert await _offer(shop, headers) == (201, ""), "the old token goes on"
    assert await _pay(shop, headers) == (201, "")


async def test_a_stranger_who_registers_with_an_address_does_not_keep_its_owner_out(
    shop: Shop, post: Post
) -> None:
    squatter = await _register(shop, name="Squatter", password="another horse battery")
    token = await post.token()
    owner = await _register(shop)
    assert await _log_in(shop, password="another horse battery") == 401
    assert (await _use(shop, "verify", token)).status_code == 409, "it was a link of the squatter"
    await _use(shop, "verify", await post.token())
    assert (await _me(shop, owner))["emailProvedAt"]
    refreshed = await shop.api.patch("/api/me", json={"name": "Squatter"}, headers=squatter)
    assert (refreshed.status_code, refreshed.json()["code"]) == (401, "session_over")

    again = await shop.api.post("/api/auth/register", json=ADA)
    assert (again.status_code, again.json()["code"]) == (409, "email_taken"), "it is proved now"


async def test_who_did_not_register_says_so_and_the_address_is_free(shop: Shop, post: Post) -> None:
    await _register(shop, name="Squatter")
    page = await _use(shop, "verify", await post.token(), answer="no")
    assert "The account is gone" in page.text
    assert await _log_in(shop) == 401
    headers = await _register(shop)
    assert (await _me(shop, headers))["name"] == "Ada"


async def test_registrations_of_one_address_at_once_leave_one_account(
    shop: Shop, post: Post
) -> None:
    replies = await asyncio.gather(
        *(shop.api.post("/api/auth/register", json=ADA) for _ in range(4))
    )
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert await shop.count("SELECT count(*) FROM accounts WHERE email = 'ada@example.com'") == 1
    tokens = await post.tokens("ada@example.com")
    used = [(await _use(shop, "verify", token)).status_code for token in tokens]
    assert sorted(used) == [200] + [409] * (len(tokens) - 1)
    proved = "SELECT count(*) FROM accounts WHERE email_proved_at IS NOT NULL AND name = 'Ada'"
    assert await shop.count(proved) == 1


async def test_the_link_is_mailed_again_and_only_the_newest_works(shop: Shop, post: Post) -> None:
    headers = await _register(shop)
    first = await post.token()
    again = await shop.api.post("/api/me/email/verification", headers=headers)
    assert again.status_code == 204
    second = await post.token()
    assert (await _use(shop, "verify", first)).status_code == 409
    assert (await _use(shop, "verify", second)).status_code == 200
    reply = await shop.api.post("/api/me/email/verification", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (409, "email_proved")


# ---- links --------------------------------------------------------------------------------------


async def test_of_ten_uses_of_a_link_at_once_one_does_something(shop: Shop, post: Post) -> None:
    await _register(shop)
    token = await post.token()
    replies = await asyncio.gather(*(_use(shop, "verify", token) for _ in range(10)))
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 9
    proved = "SELECT count(*) FROM audit_log WHERE action = 'prove_email'"
    assert await shop.count(proved) == 1


@pytest.mark.parametrize("path", ["verify", "reset", "change", "take-back", "nothing"])
@pytest.mark.parametrize("token", ["", "x", "0" * 32 + "." + "0" * 64, "\u00e9" * 40])
async def test_a_token_that_nobody_mailed_opens_nothing(shop: Shop, path: str, token: str) -> None:
    shown = await shop.api.get(f"/links/{path}", params={"token": token})
    used = await _use(shop, path, token, password="staple battery correct")
    for reply in (shown, used):
        assert reply.status_code == 404
        assert "does not work any more" in reply.text
        assert "text/html" in reply.headers["content-type"]


async def test_a_link_does_what_it_is_for_and_nothing_else(shop: Shop, post: Post) -> None:
    await _register(shop)
    token = await post.token()
    for path in ("reset", "change", "take-back"):
        assert (await _use(shop, path, token)).status_code == 404
    await shop.values(
        """
        UPDATE mail_links SET made_at = now() - interval '25 hours',
                              expires_at = now() - interval '1 second' RETURNING id::text"""
    )
    assert (await _use(shop, "verify", token)).status_code == 409


async def test_a_link_of_an_older_key_works_and_one_of_no_key_does_not(
    shop: Shop, post: Post
) -> None:
    await _register(shop)
    await post.read()
    (link_id,) = await shop.values("SELECT id::text FROM mail_links")
    older = settings().secret_keys[-1]
    assert rules.read_token(
        rules.write_token(UUID(link_id), Purpose.VERIFY, key=older),
        Purpose.VERIFY,
        keys=settings().secret_keys,
    )
    wrong = rules.write_token(UUID(link_id), Purpose.VERIFY, key="a key of somebody else's")
    assert (await _use(shop, "verify", wrong)).status_code == 404


async def test_no_token_is_stored_or_queued(shop: Shop, post: Post) -> None:
    await _register(shop)
    token = await post.token()
    secret = token.partition(".")[2]
    for table in ("mail_links", "notifications", "procrastinate_jobs", "audit_log"):
        assert not [
            row for row in await shop.values(f"SELECT t::text FROM {table} AS t") if secret in row
        ], table


async def test_pages_are_careful_and_in_the_language_of_the_account(shop: Shop, post: Post) -> None:
    await _register(shop, locale="fr-CM", name="<b>Ada</b>")
    token = await post.token()
    page = await shop.api.get("/links/verify", params={"token": token})
    assert "Est-ce votre compte ?" in page.text
    assert "&lt;b&gt;Ada" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")
    over = await shop.api.get(
        "/links/verify", params={"token": "x"}, headers={"accept-language": "de, fr;q=0.8"}
    )
    assert "Ce lien ne marche plus" in over.text


# ---- passwords ----------------------------------------------------------------------------------


async def test_a_forgotten_password_is_replaced_and_all_sessions_end(
    shop: Shop, post: Post
) -> None:
    headers = await _register(shop)
    await post.read()
    for email in ("ADA@example.com", "nobody@example.com"):
        reply = await shop.api.post("/api/auth/password/forgot", json={"email": email})
        assert (reply.status_code, reply.text) == (204, "")
    token = await post.token()

    weak = await _use(shop, "reset", token, password="password12")
    assert (weak.status_code, "too easy to guess" in weak.text) == (422, True)
    short = await _use(shop, "reset", token, password="short")
    assert short.status_code == 422
    done = await _use(shop, "reset", token, password="staple battery correct")
    assert (done.status_code, "Log in with it" in done.text) == (200, True)
    assert await _log_in(shop) == 401
    assert await _log_in(shop, password="staple battery correct") == 200
    reply = await shop.api.patch("/api/me", json={"name": "A"}, headers=headers)
    assert reply.json()["code"] == "session_over"
    assert (await _use(shop, "reset", token, password="staple battery again")).status_code == 409
    assert "was changed" in (await post.read())["ada@example.com"]
    assert await shop.count("SELECT count(*) FROM accounts WHERE email_proved_at IS NULL") == 0


async def test_an_app_resets_with_the_token_and_is_told_what_is_wrong(
    shop: Shop, post: Post
) -> None:
    await _register(shop)
    await post.read()
    await shop.api.post("/api/auth/password/forgot", json={"email": "ada@example.com"})
    token = await post.token()

    async def reset(**body: str) -> tuple[int, str]:
        reply = await shop.api.post("/api/auth/password/reset", json=body)
        return reply.status_code, reply.json()["code"] if reply.content else ""

    assert await reset(token="x", password="staple battery correct") == (404, "no_such_link")
    assert await reset(token=token, password="ada@example.com") == (422, "invalid")
    assert await reset(token=token, password="staple battery correct") == (204, "")
    assert await reset(token=token, password="staple battery correct") == (409, "link_over")


async def test_a_request_for_a_password_is_the_work_of_a_job_whoever_asks(shop: Shop) -> None:
    await _register(shop)
    before = await shop.count("SELECT count(*) FROM mail_links")
    for email in ("ada@example.com", "nobody@example.com"):
        await shop.api.post("/api/auth/password/forgot", json={"email": email})
    assert await shop.count("SELECT count(*) FROM mail_links") == before
    jobs = "SELECT args ->> 'email' FROM procrastinate_jobs WHERE task_name = 'mail-reset'"
    assert await shop.values(jobs) == ["ada@example.com", "nobody@example.com"]


async def test_a_password_is_changed_and_other_devices_are_out(shop: Shop, post: Post) -> None:
    headers = await _register(shop)
    await post.read()
    known = {"email": "ada@example.com", "password": PASSWORD}
    other = await shop.api.post("/api/auth/login", json=known)
    shop.api.cookies.clear()
    asked = {"password": "staple battery correct"}
    reply = await shop.api.post("/api/me/password", json=asked, headers=headers)
    assert reply.status_code == 204, reply.text
    assert (await shop.api.patch("/api/me", json={"name": "A"}, headers=headers)).is_success
    stale = {"authorization": f"Bearer {other.json()['accessToken']}"}
    refused = await shop.api.patch("/api/me", json={"name": "A"}, headers=stale)
    assert refused.json()["code"] == "session_over"
    assert await _log_in(shop) == 401
    assert "was changed" in (await post.read())["ada@example.com"]


# ---- another address ----------------------------------------------------------------------------


async def _proved(shop: Shop, post: Post, **more: str) -> dict[str, str]:
    headers = await _register(shop, **more)
    await _use(shop, "verify", await post.token())
    return headers


async def _ask_change(shop: Shop, headers: dict[str, str], email: str) -> tuple[int, str]:
    reply = await shop.api.post("/api/me/email", json={"email": email}, headers=headers)
    return reply.status_code, reply.json()["code"] if reply.content else ""


async def test_a_new_address_counts_once_it_is_proved(shop: Shop, post: Post) -> None:
    headers = await _proved(shop, post)
    assert await _ask_change(shop, headers, "Ada@New.example") == (204, "")
    token = await post.token("ada@new.example")
    assert (await _me(shop, headers))["email"] == "ada@example.com"
    assert await _log_in(shop) == 200
    assert (await _use(shop, "change", token)).status_code == 200
    assert (await _me(shop, headers))["email"] == "ada@new.example"
    assert (await _log_in(shop), await _log_in(shop, "ada@new.example")) == (401, 200)
    (told,) = [text for to, text in (await post.read()).items() if to == "ada@example.com"]
    assert "has the address ada@new.example" in told


async def test_an_address_of_another_is_refused_and_one_that_nobody_proved_is_not(
    shop: Shop, post: Post
) -> None:
    (taken,) = await shop.values("SELECT email FROM accounts WHERE id = %(id)s", id=shop.guest.id)
    headers = await _proved(shop, post)
    assert await _ask_change(shop, headers, taken) == (409, "email_taken")
    assert await _ask_change(shop, headers, "ada@example.com") == (409, "nothing_to_change")
    await shop.api.post("/api/auth/register", json=ADA | {"email": "squatted@example.com"})
    shop.api.cookies.clear()
    await post.read()
    assert await _ask_change(shop, headers, "squatted@example.com") == (204, "")
    token = await post.token("squatted@example.com")
    assert (await _use(shop, "change", token)).status_code == 200
    assert (await _me(shop, headers))["email"] == "squatted@example.com"


async def test_an_owner_takes_the_address_back_and_the_thief_is_out(shop: Shop, post: Post) -> None:
    thief = await _proved(shop, post, role="host")
    await _ask_change(shop, thief, "thief@example.com")
    await _use(shop, "change", await post.token("thief@example.com"))
    token = await post.token("ada@example.com")
    await _ask_change(shop, thief, "thief2@example.com")  # and away again
    await _use(shop, "change", await post.token("thief2@example.com"))
    of_thief = await post.token("thief@example.com")
    factor = await shop.api.post("/api/me/2fa", headers=thief)
    assert factor.status_code == 200
    await shop.values("UPDATE second_factors SET confirmed_at = now() RETURNING account_id::text")

    page = await _use(shop, "take-back", token)
    assert (page.status_code, "Look into your mail" in page.text) == (200, True)
    refused = await shop.api.patch("/api/me", json={"name": "T"}, headers=thief)
    assert refused.json()["code"] == "session_over"
    for email in ("ada@example.com", "thief@example.com", "thief2@example.com"):
        assert await _log_in(shop, email) == 401, "the password that the thief knows is none"
    assert (await _use(shop, "take-back", of_thief)).status_code == 409
    reset = await post.token("ada@example.com")
    await _use(shop, "reset", reset, password="staple battery correct")
    assert await _log_in(shop, password="staple battery correct") == 200, "and no code is asked"


async def test_what_a_new_payout_account_gets_waits_until_the_take_back_is_over(
    shop: Shop, post: Post
) -> None:
    (before,) = await shop.values("SELECT email FROM accounts WHERE id = %(id)s", id=shop.host.id)
    reply = await shop.post(shop.host, "/api/me/email", {"email": "thief@example.com"})
    assert reply.status_code == 204
    await _use(shop, "change", await post.token("thief@example.com"))
    added = (await add_account(shop)).json()
    hours = "SELECT extract(epoch FROM pays_from - business_now()) / 3600 FROM payout_accounts"
    assert 71 < float((await shop.values(f"SELECT ({hours})::text"))[0]) <= 72
    assert added["paysFrom"]
    mails = await post.read()
    assert "•••• 6789" in mails[before], "the old address reads of it"


async def test_a_stolen_token_without_a_fresh_proof_changes_neither_address_nor_password(
    shop: Shop,
) -> None:
    await shop.values("UPDATE sessions SET proved_at = NULL RETURNING id::text")
    for path, body in (
        ("/api/me/email", {"email": "thief@example.com"}),
        ("/api/me/password", {"password": "staple battery correct"}),
    ):
        reply = await shop.post(shop.host, path, body)
        assert (reply.status_code, reply.json()["code"]) == (403, "step_up_required")
