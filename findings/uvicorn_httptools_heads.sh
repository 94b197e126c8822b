#!/usr/bin/env bash
# Guess: uvicorn bounds the head of a request (--h11-max-incomplete-event-size, 64 KB by default), and
#   drops a connection on which no request arrives (--timeout-keep-alive).
# What happens: the first is h11's alone. With httptools, which is what --http auto takes wherever it
#   is installed, a header of a megabyte is answered with 200 even if the option says 1,000 bytes. The
#   second counts only after a reply: a connection that sends nothing, or half a head, stays for ever,
#   with h11 too. A few hundred of those are all that --limit-concurrency lets in: then everybody
#   else gets 503.
# Version: uvicorn 0.54.0, httptools 0.9.0
# Seen: 2026-12-01
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import socket
import sys

import uvicorn

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"
SECONDS = 4


async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def talk(http):
    """The status of a reply to a head of a megabyte, and whether half a head is let go."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, http=http, lifespan="off", log_level="critical", timeout_keep_alive=1,
        h11_max_incomplete_event_size=1_000,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n")
    status = (await reader.read(12)).split()[1].decode()
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    try:
        await asyncio.wait_for(reader.read(1), SECONDS)
        half = "let go"
    except TimeoutError:
        half = f"still open after {SECONDS} s"
    writer.close()
    server.should_exit = True
    await serving
    return status, half


async def main():
    seen = {http: await talk(http) for http in ("h11", "httptools")}
    for http, (status, half) in seen.items():
        print(f"{http:10} a head of 1 MB: {status}; half a head: {half}")
    still = f"still open after {SECONDS} s"
    sys.exit(seen != {"h11": ("400", still), "httptools": ("200", still)})


asyncio.run(main())
PYTHON
