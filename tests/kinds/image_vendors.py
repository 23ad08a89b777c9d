"""How vendors of images answer, each in its own shape.

Sources: platform.openai.com/docs/api-reference/images, ai.google.dev/gemini-api/docs/image-generation,
ai.google.dev/gemini-api/docs/imagen, platform.stability.ai/docs/api-reference,
docs.bfl.ai/quick_start/generating_images, docs.fal.ai/model-apis, replicate.com/docs/reference/http,
docs.together.ai/reference/post-images-generations (read 2026-11).
"""

import asyncio
import base64
from typing import Any

import msgspec
from aiohttp import web

from gateway.formats import multipart
from tests.kinds.vendor import Answer, Refused, Seen, Stream

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
DATA = base64.b64encode(PIXEL).decode()
TOKENS = {
    "input_tokens": 14, "output_tokens": 272, "total_tokens": 286,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 4},
}  # fmt: skip


def form(seen: Seen) -> dict[str, Any]:
    return multipart.parse(seen.headers["content-type"], seen.raw)


def openai(seen: Seen) -> Any:
    body = seen.body or form(seen)
    match body["model"]:
        case "broken":
            raise Refused(500, {"error": {"message": "out of order", "type": "server_error"}})
        case "filtered":
            raise Refused(400, {"error": {"message": "not that", "code": "moderation_blocked"}})
    if body.get("stream") is True:
        return Stream("text/event-stream", [b'data: {"type": "image_generation.completed"}\n\n'])
    rows = [{"b64_json": DATA}] * int(body.get("n", 1))
    return {"created": 5, "data": rows, "output_format": "png", "usage": TOKENS, "vendor_field": 7}


def together(seen: Seen) -> Any:
    if "size" in seen.body:
        raise Refused(400, {"error": {"message": "size is not a parameter"}})
    rows = [{"index": at, "url": picture(seen)} for at in range(seen.body["n"])]
    return {"id": "t1", "model": "up", "object": "list", "data": rows}


def gemini(seen: Seen) -> Any:
    if seen.path.endswith(":predict"):
        number = seen.body["parameters"]["sampleCount"]
        row = {"mimeType": "image/png", "bytesBase64Encoded": DATA}
        return {"predictions": [row] * number}
    if "fence" in seen.body["contents"][0]["parts"][0]["text"]:
        said = {"content": {"parts": [{"text": "I do not draw fences."}]}, "finishReason": "STOP"}
        return {"candidates": [said]}
    parts = [{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": DATA}}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 14, "candidatesTokenCount": 272},
    }


def stability(seen: Seen) -> Any:
    wordless = seen.path.endswith(("/erase", "/fast", "/remove-background"))
    told = form(seen)
    if seen.headers["accept"] != "application/json" or ("prompt" in told) == wordless:
        raise Refused(400, {"errors": ["prompt: required"], "name": "bad_request"})
    return {"image": DATA, "finish_reason": "SUCCESS", "seed": 5}


def picture(seen: Seen) -> str:
    return f"http://{seen.headers['host']}/{seen.vendor}/delivered.png"


def delivered(answer: Answer) -> Answer:
    """Pictures lie at the vendor's, for whoever has their address."""

    def answered(seen: Seen) -> Any:
        if seen.path == "/delivered.png":
            assert "authorization" not in seen.headers
            return web.Response(body=PIXEL, content_type="image/png")
        return answer(seen)

    return answered


def bfl(seen: Seen) -> Any:
    if seen.path.startswith("/get_result"):
        looks = sum(each.path == seen.path for each in VISITS)
        VISITS.append(seen)
        if looks == 0:
            return {"id": "b1", "status": "Pending", "result": None}
        if "moderated" in seen.path:
            return {"id": "b1", "status": "Request Moderated", "result": None}
        return {"id": "b1", "status": "Ready", "result": {"sample": picture(seen)}}
    here = f"http://{seen.headers['host']}/{seen.vendor}"
    if seen.path == "/elsewhere":
        return {"id": "b1", "polling_url": "http://192.0.2.1/get_result?id=b1"}
    VISITS.clear()
    return {"id": "b1", "polling_url": f"{here}/get_result?id={seen.path[1:]}"}


VISITS: list[Seen] = []


async def late(answer: Any) -> Any:
    """Later than the connection's `first_byte`."""
    await asyncio.sleep(0.6)
    return answer


def fal(seen: Seen) -> Any:
    if seen.path == "/late":
        return late(fal(msgspec.structs.replace(seen, path="/m")))
    if "gpt-image" in seen.path and "image_url" in seen.body:
        raise Refused(422, {"detail": [{"loc": ["body", "image_urls"], "msg": "field required"}]})
    row = {"url": picture(seen), "content_type": "image/png", "width": 1, "height": 1}
    return {"images": [row] * seen.body["num_images"], "seed": 5, "prompt": "p"}


def recraft(seen: Seen) -> Any:
    told = seen.body or form(seen)
    if seen.path == "/images/imageToImage" and "strength" not in told:
        raise Refused(400, {"code": "bad_request", "message": "strength is required"})
    return {"created": 5, "credits": 40, "data": [{"image_id": "r1", "url": picture(seen)}]}


def replicate(seen: Seen) -> Any:
    here = f"http://{seen.headers['host']}/{seen.vendor}/predictions/p1"
    if seen.path == "/predictions/p1":
        return {"id": "p1", "status": "succeeded", "output": [picture(seen)], "error": None}
    assert seen.headers["prefer"] == "wait=60"
    if "failing" in seen.path:
        return {"id": "p1", "status": "failed", "output": None, "error": "NSFW"}
    return {"id": "p1", "status": "processing", "output": None, "urls": {"get": here}}


ANSWERS: dict[str, Answer] = {
    "img-openai": openai,
    "img-together": delivered(together),
    "img-gemini": gemini,
    "img-stability": stability,
    "img-bfl": delivered(bfl),
    "img-fal": delivered(fal),
    "img-recraft": delivered(recraft),
    "img-replicate": delivered(replicate),
}
