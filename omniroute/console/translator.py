"""The translator page: what would become of a request, an answer or a stream."""

import time
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from gateway import routing, snapshot
from gateway.attempt import secrets
from gateway.errors import GatewayError
from gateway.formats import FORMATS, by_name
from gateway.routing import Target
from gateway.snapshot import Snapshot
from omniroute.console import examples
from omniroute.console.offered import chat_models
from omniroute.console.translation import (
    Explained,
    Upstream,
    explain_request,
    explain_response,
    explain_stream,
    is_binary,
    stream_bytes,
)
from providers.credentials import CredentialUnreadable

MAX_BYTES = 1_000_000

# Of the headers, those whose values are no secret whoever set them.
_PLAIN_HEADERS = frozenset(["content-type", "accept", "accept-encoding", "anthropic-version"])


def _choices() -> list[tuple[str, str]]:
    return [(name, name) for name in FORMATS]


class Pasted(forms.Form):
    """What the three forms share: a text in a format."""

    source = forms.ChoiceField(label="Format", choices=_choices, widget=UnfoldAdminSelectWidget)
    text = forms.CharField(
        label="Text",
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 14, "spellcheck": "false", "autocomplete": "off", "class": "pasted"}
        ),
    )
    field_order = ("source", "target", "model", "stream", "text")

    def __init__(self, *args: Any, configured: Snapshot, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configured = configured

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(text.encode(errors="replace")) > MAX_BYTES:
            raise ValidationError("At most 1 MB can be pasted here.")
        return text


class RequestForm(Pasted):
    model = forms.CharField(
        label="Target model",
        max_length=250,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "callable", "autocomplete": "off"}),
        help_text="alias/model, an alias or a combo. It stands in for the model that the request names.",
    )
    stream = forms.BooleanField(
        label="The address asks for a stream",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="For a format that says so there and not in the body, as Gemini's does.",
    )
    candidates: Sequence[Target] = ()

    def clean_model(self) -> str:
        name: str = self.cleaned_data["model"]
        try:
            route = routing.resolve(
                self.configured, self.configured.anyone, name, self.cleaned_data.get("source", "")
            )
        except GatewayError as error:
            raise ValidationError(str(error)) from None
        self.candidates = route.targets
        return name

    def explain(self) -> Explained:
        asked = self.cleaned_data
        return explain_request(
            by_name(asked["source"]),
            asked["text"],
            _upstream(self.candidates[0]),
            stream=asked["stream"],
        )


class ResponseForm(Pasted):
    target = forms.ChoiceField(
        label="Format of the client", choices=_choices, widget=UnfoldAdminSelectWidget
    )
    model = forms.CharField(
        label="Model, as the client called it",
        max_length=250,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "callable", "autocomplete": "off"}),
        help_text="The answer repeats it. Empty: the name that the upstream gives.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].label = "Format of the upstream"

    def explain(self) -> Explained:
        asked = self.cleaned_data
        return explain_response(
            by_name(asked["source"]),
            asked["text"],
            by_name(asked["target"]),
            model=asked["model"],
            now=int(time.time()),
        )


class StreamForm(ResponseForm):
    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        if "source" in asked and "text" in asked:
            try:
                asked["data"] = stream_bytes(by_name(asked["source"]), asked["text"])
            except ValueError as error:
                raise ValidationError({"text": str(error)}) from None
        return asked

    def explain(self) -> Explained:
        asked = self.cleaned_data
        return explain_stream(
            by_name(asked["source"]),
            asked["data"],
            by_name(asked["target"]),
            model=asked["model"],
            now=int(time.time()),
        )


FORMS: dict[str, type[RequestForm | ResponseForm]] = {
    "request": RequestForm,
    "response": ResponseForm,
    "stream": StreamForm,
}


def page(request: HttpRequest, kind: str) -> HttpResponse:
    """For all who may see the configuration; nothing of it is changed, and no secret is shown."""
    if not request.user.has_perm("providers.view_connection"):
        raise PermissionDenied
    if kind not in FORMS:
        raise Http404
    configured = snapshot.build()
    if request.method == "POST":
        form = FORMS[kind](request.POST, configured=configured)
    else:
        form = FORMS[kind](initial=_initial(request, kind, configured), configured=configured)
    context = admin.site.each_context(request) | {
        "title": "Translator",
        "kind": kind,
        "kinds": list(FORMS),
        "form": form,
        "names": chat_models(configured, configured.anyone),
        "examples": [name for name in FORMATS if examples.example(kind, name)],
        "binary": [name for name, format in FORMATS.items() if is_binary(format)],
    }
    if request.method == "POST" and form.is_valid():
        context["explained"] = form.explain()
        if isinstance(form, RequestForm):
            context |= _route(form.candidates)
    return TemplateResponse(request, "console/translator.html", context)


def _initial(request: HttpRequest, kind: str, configured: Snapshot) -> dict[str, str]:
    """The example that was asked for, and a target of another format to show it with."""
    name = request.GET.get("example", "")
    if name not in FORMATS:
        return {}
    return {
        "source": name,
        "target": next((other for other in FORMATS if other != name), name),
        "model": _speaker(configured, name) if kind == "request" else "",
        "text": examples.example(kind, name),
    }


def _speaker(configured: Snapshot, format: str) -> str:
    """A model that speaks another format than this; any, where all speak it."""
    names = chat_models(configured, configured.anyone)[::-1]  # models before combos
    others = (
        name
        for name in names
        if format
        != routing.resolve(configured, configured.anyone, name, format).targets[0].format.NAME
    )
    return next(others, names[0] if names else "")


# --- Where a request would go ----------------------------------------------------------------


def _upstream(target: Target) -> Upstream:
    return Upstream(
        format=by_name(target.format.NAME),
        model=target.sent,
        url=str(target.url),
        stream_url=str(target.stream_url),
        quirks=target.model.quirks,
    )


def _route(candidates: Sequence[Target]) -> dict[str, Any]:
    first, *others = candidates
    return {"target": first, "others": others, "headers": _headers(first)}


def _headers(target: Target) -> list[tuple[str, str]]:
    """The names of what is sent beside the body. What the operator set may hold a secret."""
    try:
        sent = target.request_headers(target.url, b"")
    except CredentialUnreadable as error:
        return [("(none)", f"the credential cannot be used: {error}")]
    keys = secrets(target)

    def shown(name: str, value: str) -> str:
        if any(key in value for key in keys):
            return "[key]"
        plain = name in _PLAIN_HEADERS and name not in target.connection.headers
        return value if plain else "[hidden]"

    return [(name, shown(name, value)) for name, value in sent.items()]
