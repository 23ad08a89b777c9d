"""The page where configuration goes in and out as YAML: what would change is shown first."""

from functools import partial
from hashlib import sha256
from typing import Any

import yaml
from auditlog.models import LogEntry
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from msgspec import Struct
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from omniroute import history
from omniroute.configuration import export, places, rights
from omniroute.configuration.apply import apply, read
from omniroute.configuration.errors import ConfigurationError
from omniroute.console import progress
from omniroute.console.access import user_of
from omniroute.console.history import FieldChange, fields_of
from omniroute.console.progress import Tell
from omniroute.console.readable import visible
from providers.credentials import CredentialUnreadable

MAX_BYTES = 5_000_000
MAX_SHOWN = 300


class Problem(Struct, frozen=True):
    """`line` of the text, from 1; null where it is in no line."""

    line: int | None
    path: str
    words: str


class Shown(Struct, frozen=True):
    """A row that changes: what becomes of it, and in which fields."""

    what: str
    kind: str
    name: str
    fields: list[FieldChange]


class TextForm(forms.Form):
    text = forms.CharField(
        label="YAML or JSON",
        required=False,
        max_length=MAX_BYTES,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "spellcheck": "false"}),
        help_text="As `config export` writes it; what it does not name is left alone.",
    )
    file = forms.FileField(label="or a file", required=False, widget=UnfoldAdminFileFieldWidget)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and file.size > MAX_BYTES:
            self.add_error("file", _("The file is larger than 5 MB."))
        elif file is not None:
            try:
                cleaned["text"] = file.read().decode()
            except UnicodeDecodeError:
                self.add_error("file", _("The file is not UTF-8 text."))
        if not self.errors and not cleaned.get("text", "").strip():
            self.add_error("text", _("Paste a configuration, or choose a file."))
        return cleaned


@never_cache
def page(request: HttpRequest) -> HttpResponseBase:
    """The form; what its text would change; and, confirmed, that it has."""
    if not request.user.has_perm("accounts.import_configuration"):
        raise PermissionDenied
    form = TextForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form)
    text = form.cleaned_data["text"].replace("\r\n", "\n")
    if progress.is_asked(request):
        return progress.streamed(lambda tell: _judged(request, text, tell).rendered_content)
    return _judged(request, text)


def _judged(
    request: HttpRequest, text: str, tell: Tell = lambda done, total: None
) -> TemplateResponse:
    digest = sha256(text.encode()).hexdigest()
    # Applied is what was shown, and not what was typed since.
    done = "apply" in request.POST and request.POST.get("checked") == digest
    try:
        told = _applied(request, text, tell, keep=done) | {"done": done, "digest": digest}
    except ConfigurationError as error:
        told = {"problems": _problems(text, error)}
    # A file's text stands in the form from here on: it is what will be applied.
    return _page(request, TextForm(initial={"text": "" if told.get("done") else text}), **told)


def _page(request: HttpRequest, form: TextForm, **told: Any) -> TemplateResponse:
    context = admin.site.each_context(request) | {"title": _("Configuration"), "form": form} | told
    return TemplateResponse(request, "console/configuration.html", context)


def _applied(request: HttpRequest, text: str, tell: Tell, *, keep: bool) -> dict[str, Any]:
    user, document = user_of(request), read(text, environment=None)
    with history.collected() as entries:
        changes = apply(document, keep=keep, refusal=partial(rights.refusal, user), tell=tell)
    return {
        "checked": True,
        "shown": [_shown(entry) for entry in entries[:MAX_SHOWN]],
        "more": max(len(entries) - MAX_SHOWN, 0),
        "unchanged": sum(not change.created and not change.fields for change in changes),
        "made": [change for change in changes if change.secret] if keep else [],
    }


def _shown(entry: LogEntry) -> Shown:
    what = (_("new"), _("changed"), _("deleted"))[entry.action]
    name = visible(entry.object_repr)
    return Shown(what, str(entry.content_type.name), name, fields_of(entry))


def _problems(text: str, error: ConfigurationError) -> list[Problem]:
    lines = places.lines(text, [path for path, _words in error.problems])
    told = zip(lines, error.problems, strict=True)
    return [Problem(line, path, visible(words)) for line, (path, words) in told]


@require_safe
@never_cache
def everything(request: HttpRequest) -> HttpResponse:
    """What `config export` prints."""
    if not request.user.has_perm("accounts.export_configuration"):
        raise PermissionDenied
    try:
        content = export.document()
    except CredentialUnreadable as error:
        return HttpResponse(str(error), status=409, content_type="text/plain")
    return HttpResponse(
        yaml.safe_dump(content, sort_keys=False, allow_unicode=True),
        content_type="application/yaml",
        headers={"content-disposition": 'attachment; filename="omniroute.yaml"'},
    )
