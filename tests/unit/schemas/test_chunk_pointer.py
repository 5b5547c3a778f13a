"""Wake-up messages that wait are small."""

import pytest
from pydantic import ValidationError

from core.ids import chunk_id, request_key
from schemas.results import ChunkPointer
from schemas.statuses import Channel


def test_a_wake_up_message_names_its_chunk_with_at_most_a_hundred_characters() -> None:
    longest = chunk_id(request_key("t" * 64, "r" * 128), 65_535, 99_999)
    assert ChunkPointer(chunk_id=longest, channel=Channel.SMS).chunk_id == longest
    with pytest.raises(ValidationError):
        ChunkPointer(chunk_id="x" * 101, channel=Channel.SMS)
