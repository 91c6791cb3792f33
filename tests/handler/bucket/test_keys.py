"""Where results are found by the names of what they were made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bucket.keys import MAX_KEY_BYTES, latest_key


def test_the_latest_result_is_found_by_the_sources_key() -> None:
    assert latest_key("inbox/a b+é.jpg") == "latest/inbox/a b+é.jpg.json"


@pytest.mark.parametrize("letter", ["x", "é", "日", "🐈"])
def test_the_longest_keys_have_one_too_each_its_own(letter: str) -> None:
    long = letter * (1010 // len(letter.encode()))
    first, second = latest_key(f"inbox/{long}a"), latest_key(f"inbox/{long}b")
    assert first != second
    assert max(len(first.encode()), len(second.encode())) <= MAX_KEY_BYTES


@given(st.text(max_size=300).map(lambda text: text * 4))
def test_no_key_is_too_long(key: str) -> None:
    if len(key.encode()) <= MAX_KEY_BYTES:
        assert len(latest_key(key).encode()) <= MAX_KEY_BYTES
