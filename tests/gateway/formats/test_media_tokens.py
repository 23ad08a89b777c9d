"""Tokens of sounds and images, which some models price apart, are told on where a format can."""

import pytest

from analytics.costs import More, Prices, cost_picousd
from gateway.formats.gemini import response as gemini
from gateway.formats.openai_chat import response as openai_chat
from gateway.formats.types import Usage

HEARD = Usage(
    input_tokens=90,
    output_tokens=40,
    units={"audio_input_tokens": 50, "image_input_tokens": 20, "audio_output_tokens": 30},
)


@pytest.mark.parametrize("format", [openai_chat, gemini])
def test_they_are_read_as_they_were_written(format: object) -> None:
    assert format.read_usage(format.write_usage(HEARD)) == HEARD  # type: ignore[attr-defined]


def test_openais_chats_say_them_among_the_details() -> None:
    told = openai_chat.write_usage(HEARD)
    assert told["prompt_tokens_details"]["audio_tokens"] == 50
    assert told["prompt_tokens_details"]["image_tokens"] == 20
    assert told["completion_tokens_details"] == {"reasoning_tokens": 0, "audio_tokens": 30}


def test_gemini_says_them_by_modality() -> None:
    told = gemini.write_usage(HEARD)
    assert told["promptTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 50},
        {"modality": "IMAGE", "tokenCount": 20},
    ]
    assert told["candidatesTokensDetails"] == [{"modality": "AUDIO", "tokenCount": 30}]


def test_a_sound_out_of_geminis_cache_is_paid_as_what_is_cached_and_not_twice() -> None:
    usage = gemini.read_usage(
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 10,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 200},
                {"modality": "AUDIO", "tokenCount": 800},
            ],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 600}],
        }
    )
    assert usage
    assert usage.units == {"audio_input_tokens": 200}
    # For one token: 3 for text, 1 from the cache, 20 for output; and 10 for sounds.
    prices = Prices(3, 20, 1, 3, More(media={"audio_input_per_mtok": 10 * 10**6}))
    assert cost_picousd(usage, prices) == 200 * 3 + 200 * 10 + 600 * 1 + 10 * 20


def test_where_there_are_none_nothing_is_said_of_them() -> None:
    text = Usage(input_tokens=3, output_tokens=2)
    assert "promptTokensDetails" not in gemini.write_usage(text)
    assert "audio_tokens" not in openai_chat.write_usage(text)["prompt_tokens_details"]
