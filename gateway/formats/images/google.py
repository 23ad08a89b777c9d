"""Google's formats: Gemini draws in `generateContent`, Imagen in `predict`.

Source: https://ai.google.dev/gemini-api/docs/image-generation,
https://ai.google.dev/gemini-api/docs/imagen (read 2026-11)
"""

from gateway.formats.failures import decode_error, reported
from gateway.formats.gemini import address as chat_address
from gateway.formats.gemini.response import media_tokens
from gateway.formats.images.common import (
    encoded,
    inline,
    made,
    no_edits,
    no_mask,
    one_alone,
    ratio,
    refused,
)
from gateway.formats.images.types import ImageRequest, Images, Picture
from gateway.formats.needs import inner, members
from gateway.formats.reading import as_object, count, given
from gateway.formats.types import Encoded, JSONDict, Quirks, Usage

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "gemini_images"
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_IMAGEN_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")


def address(model: str, stream: bool) -> str:
    """Where the model is asked, under the base URL."""
    path = chat_address(model, stream=False)
    return f"{path.rpartition(':')[0]}:predict" if _is_imagen(model) else path


def _is_imagen(model: str) -> bool:
    return "imagen" in model


def encode_request(request: ImageRequest, model: str, quirks: Quirks) -> Encoded:
    """Raises `NotSupported` for a mask, several images of Gemini, and edits by Imagen."""
    no_mask(request)
    lost = ["output_format"] if request.output_format not in (None, "png") else []
    if _is_imagen(model):
        no_edits(request)
        shape = ratio(request, _IMAGEN_RATIOS, lost)
        parameters = {"sampleCount": request.n} | given(aspectRatio=shape)
        body: JSONDict = {"instances": [{"prompt": request.prompt}], "parameters": parameters}
        return encoded(request, body, "", lost=lost)
    one_alone(request)
    parts: list[JSONDict] = [{"text": request.prompt}]
    for image in request.images:
        data = {"mimeType": image.media_type, "data": inline(image)}
        parts.append({"inlineData": data})
    config: JSONDict = {"responseModalities": ["TEXT", "IMAGE"]}
    if (shape := ratio(request, _RATIOS, lost)) is not None:
        config["imageConfig"] = {"aspectRatio": shape}
    body = {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}
    return encoded(request, body, "", lost=lost)


def decode_response(body: JSONDict) -> Images:
    """Read an answer. Raises `UpstreamFailed` for what is none, words in place of an image included."""
    if body.get("error"):
        raise reported(body["error"])
    found = [_predicted(row) for row in members(body, "predictions")]
    parts = [
        part
        for candidate in members(body, "candidates")
        for part in members(as_object(candidate.get("content")), "parts")
    ]
    found += [_drawn(as_object(part.get("inlineData"))) for part in parts]
    pictures = [picture for picture in found if picture is not None]
    if not pictures:
        raise refused(_words(body, parts))
    told = as_object(body.get("usageMetadata"))
    output = count(told.get("candidatesTokenCount")) + count(told.get("thoughtsTokenCount"))
    units = media_tokens(told)
    drawn = count(told.get("candidatesTokenCount"))
    if drawn and "candidatesTokensDetails" not in told:
        units["image_output_tokens"] = drawn
    return made(pictures, Usage(count(told.get("promptTokenCount")), output, units=units))


def _predicted(row: JSONDict) -> Picture | None:
    return _image(row.get("bytesBase64Encoded"), row.get("mimeType"), row.get("prompt"))


def _drawn(data: JSONDict) -> Picture | None:
    return _image(data.get("data"), data.get("mimeType"), None)


def _image(data: object, kind: object, prompt: object) -> Picture | None:
    if not isinstance(data, str) or not data:
        return None
    return Picture(
        data=data,
        media_type=kind if isinstance(kind, str) else "image/png",
        revised_prompt=prompt if isinstance(prompt, str) else None,
    )


def _words(body: JSONDict, parts: list[JSONDict]) -> object:
    """Why there is no image: what the model says instead, or the filter."""
    said = "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    reason = inner(body, "promptFeedback").get("blockReason")
    for row in (*members(body, "predictions"), *members(body, "candidates")):
        reason = reason or row.get("raiFilteredReason") or row.get("finishReason")
    return said or reason
