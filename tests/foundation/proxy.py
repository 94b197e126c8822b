"""A program between psycopg and Postgres that breaks off at a chosen word, as networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_BEGUN: Final = b"C" + (10).to_bytes(4, "big") + b"BEGIN\0"
_FAREWELL: Final = b"SFATAL\0VFATAL\0C08P01\0Mserver conn crashed?\0\0"


class Proxy:
    """What happens when a client's message has one of these words; None: nothing does."""

    cut_before: bytes | None = None  # the message is lost, and the connection with it
    cut_after: bytes | None = None  # the server does it, and its answer is lost
    farewell_with: bytes | None = None  # a pooler's last words come together with the answer

    round_trips = 0  # of all its connections: how often a client spoke after an answer
    answered = True

    def __init__(self, url: str) -> None:
        self._server = conninfo_to_dict(url)
        self.asked: list[bytes] = []

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._server["host"]), str(self._server.get("port") or 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what a client and the server say, until one of them or this proxy ends it."""
        server_reader, server_writer = await self.open()
        answers = asyncio.create_task(self._pump(server_reader, writer))
        try:
            while asked := await reader.read(65_536):
                self.round_trips += self.answered
                self.asked.append(asked)
                self.answered = False
                if _has(asked, self.cut_before):
                    break
                if _has(asked, self.farewell_with):
                    length = (len(_FAREWELL) + 4).to_bytes(4, "big")
                    writer.write(_BEGUN + b"E" + length + _FAREWELL)
                    break
                if _has(asked, self.cut_after):
                    answers.cancel()
                    await asyncio.wait([answers])
                    server_writer.write(asked)
                    await server_reader.read(65_536)
                    break
                server_writer.write(asked)
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            server_writer.close()
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self.answered = True
            writer.write(data)
        writer.close()


def _has(message: bytes, word: bytes | None) -> bool:
    return word is not None and word in message


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy to this database, and the URL at which it listens."""
    proxy = Proxy(url)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, make_conninfo(url, host="127.0.0.1", port=port)
    finally:
        server.close()
