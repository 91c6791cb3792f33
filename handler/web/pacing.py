"""Answers go out in pieces, and a client that does not read them is given up."""

from __future__ import annotations

import asyncio

from handler.web.asgi import Message, Send

# What a server writes before it waits for the client to read.
PIECE_BYTES = 64 * 2**10
# For each piece.
PIECE_S = 30.0


def paced(send: Send) -> Send:
    """Send long bodies piece by piece; raises TimeoutError where one is not read in time.

    An answer of 32 MB to a client that never reads would otherwise stay in memory.
    """

    async def send_pieces(message: Message) -> None:
        body = message.get("body", b"")
        if len(body) <= PIECE_BYTES:
            await asyncio.wait_for(send(message), PIECE_S)
            return
        rest = memoryview(body)
        while rest:
            piece, rest = bytes(rest[:PIECE_BYTES]), rest[PIECE_BYTES:]
            more = bool(rest) or message.get("more_body", False)
            await asyncio.wait_for(send({**message, "body": piece, "more_body": more}), PIECE_S)

    return send_pieces
