"""Combos in Admin: who would answer, while the form is edited and before anything is saved."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from combos import admin as rooms
from combos.models import Combo, ComboTarget
from gateway import directory, explain, formats, runtime, snapshot
from gateway.errors import GatewayError
from gateway.formats.kinds import CHAT, KINDS
from gateway.runtime import Runtime

# No combo can be saved under it.
_PREVIEWED = " preview"

admin.site.unregister(Combo)


@admin.register(Combo)
class ComboAdmin(rooms.ComboAdmin):
    change_form_after_template = "console/combo_preview.html"

    class Media:
        js = ("targets.js", "combo-preview.js")


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """A part of the form's page. What is sent is the form as it stands; it is not saved."""
    if not request.user.has_perm("combos.change_combo"):
        raise PermissionDenied
    process = runtime.current()
    told: dict[str, Any] = {}
    if process is None:
        told = {"problems": [_("This process serves no calls, and knows nothing of them.")]}
    else:
        combo, targets, problems = _read(request)
        told = {"problems": problems} if problems else _explained(process, combo, targets)
    return render(request, "console/combo_answers.html", told)


def _read(request: HttpRequest) -> tuple[Combo, list[ComboTarget], list[str]]:
    """The combo and its targets as the form has them, or what is wrong with them."""
    of_combos: Any = admin.site._registry[Combo]
    pk = request.POST.get("row", "")
    row = Combo.objects.filter(pk=pk).first() if pk.isdecimal() else None
    combo = row or Combo()
    form = of_combos.get_form(request, row, change=row is not None)(request.POST, instance=combo)
    [formset], _inlines = of_combos._create_formsets(request, combo, change=row is not None)
    problems = [
        f"{field}: {words}"
        for field, found in form.errors.items()
        if field not in ("name", "__all__")  # who answers does not depend on it
        for words in found
    ]
    if not formset.is_valid():
        return combo, [], problems + _problems_of(formset)
    kept = [
        each
        for each in formset.forms
        if each.has_changed() or each.instance.pk
        if not each.cleaned_data.get("DELETE")
    ]
    kept.sort(key=lambda each: each.cleaned_data.get("position") or 0)
    return combo, [each.instance for each in kept], problems


def _problems_of(formset: Any) -> list[str]:
    told = [str(words) for words in formset.non_form_errors()]
    for number, form in enumerate(formset.forms, 1):
        told += [f"target {number}: {w}" for found in form.errors.values() for w in found]
    return told


def _explained(process: Runtime, combo: Combo, targets: list[ComboTarget]) -> dict[str, Any]:
    previewed = snapshot.Combo(
        name=combo.name,
        strategy=combo.strategy,
        tier_strategy=combo.tier_strategy,
        sticky=combo.sticky or 1,
        hedge_after=combo.hedge_after,
        cache=combo.cache,
        targets=tuple(
            snapshot.ComboTarget(
                target.model or None, target.nested.name if target.nested else None, target.weight
            )
            for target in targets
        ),
    )
    if not targets:
        return {"problems": [_("A combo without targets answers nothing: add one.")]}
    current = process.snapshot
    with_it = current.with_combo(_PREVIEWED, previewed)
    kind = directory.kind_of(with_it, _PREVIEWED) or CHAT
    format = "openai_chat" if kind == CHAT else next(iter(KINDS[kind].clients))
    asked = explain.explain(
        process, current.anyone, formats.for_any_client(format), _PREVIEWED, {}, (), with_it
    )
    try:
        found = process.on_loop(asked)
    except GatewayError as error:
        return {"problems": [str(error).replace(repr(_PREVIEWED), combo.name)]}
    return {"found": found, "is_random": "random" in (combo.strategy, combo.tier_strategy)}
