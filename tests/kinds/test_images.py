"""Images over real sockets: what leaves, what comes back, what is charged."""

import base64
import json
from typing import Any

import httpx
import openai
import pytest

from gateway.formats.multipart import Upload
from tests.e2e.gateway import CLIENT, KEY, UPSTREAM_KEY, Gateway, keyed, request_id
from tests.kinds.configuration import PAINTERS
from tests.kinds.image_vendors import DATA, PIXEL, form
from tests.kinds.vendor import Seen, Vendors

ADDRESS = "/v1/images/generations"
PROMPT = "a red pixel"

# What leaves for one image of 1536x1024; of a form, its fields.
SENT: dict[str, tuple[str, Any]] = {
    "img-openai": (
        "/images/generations",
        {"model": "m", "prompt": PROMPT, "size": "1536x1024", "response_format": "b64_json"},
    ),
    "img-together": (
        "/images/generations",
        {"model": "m", "prompt": PROMPT, "n": 1, "width": 1536, "height": 1024},
    ),
    "img-gemini": (
        "/models/m:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
            "generationConfig": {
                "responseModalities": ["TEXT", "IMAGE"],
                "imageConfig": {"aspectRatio": "3:2"},
            },
        },
    ),
    "img-stability": (
        "/v2beta/stable-image/generate/sd3",
        {"model": "m", "prompt": PROMPT, "aspect_ratio": "3:2"},
    ),
    "img-bfl": ("/m", {"prompt": PROMPT, "width": 1536, "height": 1024}),
    "img-fal": (
        "/m",
        {"prompt": PROMPT, "num_images": 1, "image_size": {"width": 1536, "height": 1024}},
    ),
    "img-recraft": (
        "/images/generations",
        {"model": "m", "prompt": PROMPT, "n": 1, "size": "1536x1024"},
    ),
    "img-replicate": (
        "/models/m/predictions",
        {"input": {"prompt": PROMPT, "aspect_ratio": "3:2"}},
    ),
}
HEADERS = {
    "img-gemini": ("x-goog-api-key", UPSTREAM_KEY),
    "img-bfl": ("x-key", UPSTREAM_KEY),
    "img-fal": ("authorization", f"Key {UPSTREAM_KEY}"),
}


def draw(gateway: Gateway, model: str, **more: Any) -> httpx.Response:
    return gateway.post(ADDRESS, {"model": model, "prompt": PROMPT, **more})


def asked(vendors: Vendors, vendor: str) -> Seen:
    """The request itself, before anything was looked at."""
    sent = SENT[vendor][0]
    return next(
        seen for seen in reversed(vendors.seen) if (seen.vendor, seen.path) == (vendor, sent)
    )


@pytest.mark.parametrize("vendor", PAINTERS)
def test_every_vendor_draws(kinds: Gateway, vendors: Vendors, vendor: str) -> None:
    answer = draw(kinds, f"{vendor}/m", size="1536x1024", response_format="b64_json")
    assert answer.status_code == 200, answer.text
    assert [row["b64_json"] for row in answer.json()["data"]] == [DATA]
    seen = asked(vendors, vendor)
    assert (seen.body or form(seen)) == SENT[vendor][1]
    name, value = HEADERS.get(vendor, ("authorization", f"Bearer {UPSTREAM_KEY}"))
    assert seen.headers[name] == value
    assert "x-omniroute-dropped" not in answer.headers
    row = kinds.row(request_id(answer))
    units = json.loads(row["units"])
    assert units.pop("pixels") == (1 if vendor == "img-fal" else 1536 * 1024)
    assert units.pop("image_output_tokens", 272) == 272
    units.pop("image_input_tokens", None)
    assert units == {"requests": 1, "images": 1}
    assert row["cost_picousd"] == 4 * 10**10


@pytest.mark.parametrize("vendor", ["img-bfl", "img-fal", "img-replicate", "img-together"])
def test_an_address_is_given_to_who_does_not_ask_for_bytes(kinds: Gateway, vendor: str) -> None:
    (row,) = draw(kinds, f"{vendor}/m").json()["data"]
    assert row["url"].endswith("/delivered.png")


def test_an_image_may_take_its_time(kinds: Gateway) -> None:
    assert draw(kinds, "img-fal/late").status_code == 200


@pytest.mark.parametrize("model", ["img-fal/m", "img-gemini/imagen-4", "img-openai/m"])
def test_several_images_are_paid_for_one_by_one(kinds: Gateway, model: str) -> None:
    answer = draw(kinds, model, n=3)
    assert len(answer.json()["data"]) == 3
    row = kinds.row(request_id(answer))
    assert json.loads(row["units"])["images"] == 3
    assert row["cost_picousd"] == 3 * (2 if "imagen" in model else 4) * 10**10


def test_tokens_are_paid_where_the_model_has_prices_for_them(kinds: Gateway) -> None:
    row = kinds.row(request_id(draw(kinds, "img-openai/tokens")))
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (14, 272, "reported")
    assert row["cost_picousd"] == 14 * 5_000_000 + 272 * 40_000_000


def test_tokens_of_images_have_prices_of_their_own(kinds: Gateway) -> None:
    row = kinds.row(request_id(draw(kinds, "img-openai/apart")))
    # And the image, which is another price for the same, is not paid too.
    assert row["cost_picousd"] == (10 * 5 + 4 * 8 + 272 * 30) * 10**6


def test_megapixels_are_those_of_the_image_that_was_made(kinds: Gateway) -> None:
    row = kinds.row(request_id(draw(kinds, "img-fal/wide", size="1024x768")))
    assert json.loads(row["units"])["pixels"] == 1  # and not those that were asked for
    assert row["cost_picousd"] == 20_000


def test_a_combo_goes_on_past_failures_and_tasks_that_come_to_nothing(kinds: Gateway) -> None:
    answer = draw(kinds, "drawn")
    assert answer.headers["x-omniroute-model"] == "img-fal/m"
    attempts = json.loads(kinds.row(request_id(answer))["attempts"])
    assert [attempt.get("error") for attempt in attempts] == [
        "out of order", "Request Moderated", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "prompt", "words"),
    [
        ("img-bfl/elsewhere", PROMPT, "not its provider's"),
        ("img-replicate/failing", PROMPT, "NSFW"),
        ("img-gemini/m", "a fence", "I do not draw fences."),
    ],
)
def test_why_there_is_no_image_is_told(kinds: Gateway, model: str, prompt: str, words: str) -> None:
    answer = draw(kinds, model, prompt=prompt)
    assert answer.status_code == 502
    assert words in answer.json()["error"]["message"]


def test_a_vendors_400_reaches_the_client_as_it_is(kinds: Gateway) -> None:
    answer = draw(kinds, "img-openai/filtered")
    assert answer.status_code == 400
    assert answer.json()["error"] == {"message": "not that", "code": "moderation_blocked"}


def test_a_relay_keeps_what_it_does_not_know_and_streams(kinds: Gateway, vendors: Vendors) -> None:
    answer = draw(kinds, "img-openai/m", vendor_option=1)
    assert answer.json()["vendor_field"] == 7
    assert vendors.last("img-openai").body["vendor_option"] == 1
    stream = draw(kinds, "img-openai/m", stream=True)
    assert stream.headers["content-type"] == "text/event-stream"
    assert "image_generation.completed" in stream.text
    assert draw(kinds, "img-fal/m", stream=True).status_code == 400


def test_what_a_vendor_cannot_be_told_is_named_or_refused(kinds: Gateway) -> None:
    answer = draw(kinds, "img-gemini/m", size="1024x1792", quality="high", output_format="webp")
    assert answer.headers["x-omniroute-dropped"] == "quality, output_format, size"
    assert draw(kinds, "img-stability/m", n=2).status_code == 400


# --- Edits -----------------------------------------------------------------------------------


@pytest.fixture
def client(kinds: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=kinds.url + "/v1", api_key=KEY, max_retries=0)


def test_the_sdks_form_is_relayed_to_openai_with_the_models_name(
    client: openai.OpenAI, vendors: Vendors
) -> None:
    answer = client.images.edit(
        model="img-openai/m",
        prompt=PROMPT,
        image=[("a.png", PIXEL, "image/png"), ("b.png", PIXEL, "image/png")],
        mask=("mask.png", PIXEL, "image/png"),
        n=2,
        extra_body={"vendor_option": "x"},
    )
    assert answer.data is not None
    assert [row.b64_json for row in answer.data] == [DATA, DATA]
    seen = vendors.last("img-openai")
    assert seen.path == "/images/edits"
    told = form(seen)
    assert [(each.filename, each.data) for each in told.pop("image")] == [
        ("a.png", PIXEL), ("b.png", PIXEL),
    ]  # fmt: skip
    assert told.pop("mask") == Upload("mask.png", "image/png", PIXEL)
    assert told == {"model": "m", "prompt": PROMPT, "n": "2", "vendor_option": "x"}


def test_the_same_form_is_the_same_request_whatever_its_boundary(
    client: openai.OpenAI, vendors: Vendors
) -> None:
    def edit() -> Any:
        return client.images.edit(
            model="img-openai/m", prompt="once", image=("a.png", PIXEL, "image/png"),
            extra_headers={"idempotency-key": "edit-once"},
        )  # fmt: skip

    assert edit() == edit()
    sent = [seen for seen in vendors.seen if b"once" in seen.raw]
    assert len(sent) == 1


def edited(vendors: Vendors, vendor: str) -> Any:
    seen = next(
        seen for seen in reversed(vendors.seen)
        if seen.vendor == vendor and seen.headers.get("content-length", "0") != "0"
    )  # fmt: skip
    return seen.body or form(seen)


EDITS: dict[str, Any] = {
    "img-together": {"image_url": f"data:image/png;base64,{DATA}"},
    "img-bfl": {"input_image": DATA},
    "img-fal": {"image_url": f"data:image/png;base64,{DATA}"},
    "img-stability": {
        "image": Upload("image.png", "image/png", PIXEL), "mode": "image-to-image",
        "strength": "0.6",
    },
    "img-recraft": {"image": Upload("image.png", "image/png", PIXEL), "strength": "0.5"},
    "img-replicate": {"input": {"prompt": PROMPT, "image": f"data:image/png;base64,{DATA}"}},
}  # fmt: skip


@pytest.mark.parametrize("vendor", EDITS)
def test_an_image_in_a_form_is_edited_by_other_vendors(
    client: openai.OpenAI, vendors: Vendors, vendor: str
) -> None:
    answer = client.images.edit(
        model=f"{vendor}/m", prompt=PROMPT, image=("a.png", PIXEL, "image/png"),
        response_format="b64_json",
    )  # fmt: skip
    assert answer.data is not None
    assert answer.data[0].b64_json == DATA
    assert EDITS[vendor].items() <= edited(vendors, vendor).items()


def test_gemini_edits_and_json_is_taken_too(kinds: Gateway, vendors: Vendors) -> None:
    images = [{"image_url": f"data:image/png;base64,{DATA}"}]
    answer = kinds.post(
        "/v1/images/edits", {"model": "img-gemini/m", "prompt": PROMPT, "images": images}
    )
    assert base64.b64decode(answer.json()["data"][0]["b64_json"]) == PIXEL
    parts = vendors.last("img-gemini").body["contents"][0]["parts"]
    assert parts[1] == {"inlineData": {"mimeType": "image/png", "data": DATA}}


def test_stability_paints_into_a_mask(client: openai.OpenAI, vendors: Vendors) -> None:
    file = ("a.png", PIXEL, "image/png")
    client.images.edit(model="img-stability/m", prompt=PROMPT, image=file, mask=file)
    assert vendors.last("img-stability").path == "/v2beta/stable-image/edit/inpaint"
    assert set(form(vendors.last("img-stability"))) == {"prompt", "image", "mask"}


@pytest.mark.parametrize(
    ("tool", "path", "fields"),
    [
        ("erase", "edit/erase", {"image", "mask"}),
        ("inpaint", "edit/inpaint", {"image", "mask", "prompt"}),
        ("search-and-replace", "edit/search-and-replace", {"image", "prompt", "search_prompt"}),
        ("remove-background", "edit/remove-background", {"image"}),
        ("sketch", "control/sketch", {"image", "prompt"}),
        ("fast", "upscale/fast", {"image"}),
        ("conservative", "upscale/conservative", {"image", "prompt"}),
    ],
)
def test_stabilitys_tools_are_asked_at_their_own_addresses(
    client: openai.OpenAI, vendors: Vendors, tool: str, path: str, fields: set[str]
) -> None:
    file = ("a.png", PIXEL, "image/png")
    more: dict[str, Any] = {"mask": file} if "mask" in fields else {}
    if "search_prompt" in fields:
        more["extra_body"] = {"search_prompt": "a cat"}
    client.images.edit(model=f"img-stability/{tool}", prompt=PROMPT, image=file, **more)
    assert vendors.last("img-stability").path == f"/v2beta/stable-image/{path}"
    assert set(form(vendors.last("img-stability"))) == fields


@pytest.mark.parametrize(
    ("model", "words"),
    [("img-stability/creative", "model"), ("img-stability/erase", "image")],
)
def test_a_tool_that_cannot_be_asked_so_says_so(kinds: Gateway, model: str, words: str) -> None:
    answer = kinds.post("/v1/images/generations", {"model": model, "prompt": PROMPT})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [("flux-pro-1.0-fill", {"prompt", "image", "mask"}), ("flux-pro-1.0-expand", {"prompt", "image", "top"})],
)  # fmt: skip
def test_black_forest_labs_paints_into_an_image_and_around_it(
    client: openai.OpenAI, vendors: Vendors, model: str, fields: set[str]
) -> None:
    file = ("a.png", PIXEL, "image/png")
    more: dict[str, Any] = {"mask": file} if "mask" in fields else {"extra_body": {"top": "64"}}
    client.images.edit(model=f"img-bfl/{model}", prompt=PROMPT, image=file, **more)
    assert set(edited(vendors, "img-bfl")) == fields


def test_some_of_fals_models_take_a_list_of_one_image(
    client: openai.OpenAI, vendors: Vendors
) -> None:
    file = ("a.png", PIXEL, "image/png")
    client.images.edit(model="img-fal/openai/gpt-image-2/edit", prompt=PROMPT, image=file)
    assert edited(vendors, "img-fal")["image_urls"] == [f"data:image/png;base64,{DATA}"]


def test_recraft_paints_into_a_mask(client: openai.OpenAI, vendors: Vendors) -> None:
    file = ("a.png", PIXEL, "image/png")
    client.images.edit(model="img-recraft/m", prompt=PROMPT, image=file, mask=file)
    seen = edited(vendors, "img-recraft")
    assert vendors.last("img-recraft").path == "/images/inpaint"
    assert set(seen) == {"model", "prompt", "n", "image", "mask"}


@pytest.mark.parametrize(
    ("model", "field"),
    [("a/flux-kontext-pro", "input_image"), ("google/nano-banana", "image_input")],
)
def test_replicates_models_call_their_images_differently(
    client: openai.OpenAI, vendors: Vendors, model: str, field: str
) -> None:
    file = ("a.png", PIXEL, "image/png")
    client.images.edit(model=f"img-replicate/{model}", prompt=PROMPT, image=file)
    assert field in edited(vendors, "img-replicate")["input"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "drawn", "prompt": "p"}, "image"),
        ({"prompt": "p"}, "model"),
        ({"model": "drawn", "prompt": "p", "n": "0"}, "n: "),
    ],
)
def test_a_wrong_field_of_a_form_is_named(kinds: Gateway, fields: Any, words: str) -> None:
    files = {"image": ("a.png", PIXEL)} if "n" in fields else {"x": ("a.png", PIXEL)}
    answer = CLIENT.post(kinds.url + "/v1/images/edits", data=fields, files=files, headers=keyed())
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"n": 0}, "n"),
        ({"size": "huge", "model": "img-fal/m"}, "size"),
        ({"size": 5}, "size"),
    ],
)
def test_a_wrong_field_is_named(kinds: Gateway, more: Any, param: str) -> None:
    answer = kinds.post(ADDRESS, {"model": "drawn", "prompt": PROMPT} | more)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_a_form_elsewhere_is_no_json(kinds: Gateway) -> None:
    answer = CLIENT.post(kinds.url + ADDRESS, files={"prompt": (None, "p")}, headers=keyed())
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]["message"]
