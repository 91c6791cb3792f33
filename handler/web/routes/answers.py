"""Answers whose size matters."""

from __future__ import annotations

from fastapi import Response

from handler.errors import AnswerTooLarge
from handler.wiring import Services


def json_answer(body: bytes, services: Services) -> Response:
    """Answer JSON text; raises AnswerTooLarge for more than the platform passes on."""
    # On Lambda the text is itself put into JSON, where these take two bytes.
    check_size(len(body) + body.count(b'"') + body.count(b"\\"), services)
    return Response(body, media_type="application/json")


def check_size(size: int, services: Services) -> None:
    """Raise AnswerTooLarge for more bytes than the platform passes on."""
    if size > services.max_answer_bytes:
        raise AnswerTooLarge(
            f"The answer has {size:,} bytes; at most {services.max_answer_bytes:,} pass. "
            "Ask for smaller masks (rle), for fewer, or through POST /v1/uploads."
        )
