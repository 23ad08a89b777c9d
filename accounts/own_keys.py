"""A person's own API keys: seen, made and revoked, within what an administrator allows them."""

from datetime import UTC, datetime, time
from fnmatch import fnmatchcase
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.models import ApiKey, User

MAX_KEYS = 50  # each is held in the memory of every process


class OwnKeyForm(forms.Form):
    """Nothing else of a key is asked for, so nothing else can be forged: no budget, no scope."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Of the tool or the machine that will use it."),
    )
    expires = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("UTC. Empty: until you revoke it."),
    )
    models = forms.CharField(
        label=gettext_lazy("Models"),
        max_length=4_000,  # each call is compared with all of them
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One a line; * stands for any characters."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        self.fields["models"].initial = "\n".join(user.allowed_models)

    def clean_name(self) -> str:
        """All keys share one space of names; with the owner's in front nobody takes another's."""
        name = f"{self.user.username}/{self.cleaned_data['name']}"
        if ApiKey.objects.filter(name=name).exists():
            raise ValidationError(_("You have a key of this name."))
        return name

    def clean_expires(self) -> datetime | None:
        day = self.cleaned_data["expires"]
        end = datetime.combine(day, time.max, UTC) if day else None
        if end and end <= timezone.now():
            raise ValidationError(_("This day is over."))
        return end

    def clean_models(self) -> list[str]:
        patterns: list[str] = self.cleaned_data["models"].split()
        for pattern in patterns:
            # To tell at once what will not work; a call is held to both lists, whatever is here.
            if not any(fnmatchcase(pattern, bound) for bound in self.user.allowed_models):
                raise ValidationError(
                    _("%(pattern)s: beyond what you may call.") % {"pattern": pattern}
                )
        return patterns

    def clean(self) -> None:
        super().clean()
        if ApiKey.objects.filter(owner=self.user).count() >= MAX_KEYS:
            raise ValidationError(_("You have as many keys as one may have: revoke one first."))

    def make(self) -> str:
        """Save the row; the key itself, which nothing can show again."""
        row, key = keys.mint(
            name=self.cleaned_data["name"],
            owner=self.user,
            expires=self.cleaned_data["expires"],
            allowed_models=self.cleaned_data["models"],
        )
        row.full_clean()
        row.save()
        return key


@login_required
@permission_required("accounts.view_ownkey", raise_exception=True)
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - for mypy, behind login_required
    made, form = "", OwnKeyForm(user=user)
    if request.method == "POST":
        if not user.has_perm("accounts.add_ownkey"):
            raise PermissionDenied
        form = OwnKeyForm(request.POST, user=user)
        if form.is_valid():
            made, form = form.make(), OwnKeyForm(user=user)
    context = {
        "form": form,
        "made": made,
        "keys": ApiKey.objects.filter(owner=user),
        "may_add": user.has_perm("accounts.add_ownkey"),
        "may_revoke": user.has_perm("accounts.delete_ownkey"),
    }
    return render(request, "account/keys.html", context)


@login_required
@permission_required("accounts.delete_ownkey", raise_exception=True)
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(ApiKey, pk=pk, owner=request.user)
    row.delete()
    messages.success(request, _("%(name)s is revoked.") % {"name": row.name})
    return redirect("account_keys")
