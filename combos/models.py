"""Names that stand for models: aliases for one, combos for several in an order."""

from collections.abc import Iterable
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from combos.aliases import STAR
from providers.models import Strategy

MAX_DEPTH = 5
PRIORITY_TIERS = "priority-tiers"
STRATEGIES = [
    *Strategy.choices,
    (PRIORITY_TIERS, "priority-tiers: subscription, API key, cheap, free"),
]

callable_name = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", "letters, digits, . _ : and - only, and no slash"
)


alias_name = RegexValidator(
    r"^(?!.*\*.*\*)[A-Za-z0-9*][A-Za-z0-9._:*-]*\Z",
    "letters, digits, . _ : - and at most one * only, and no slash",
)


class Alias(models.Model):
    """Another name for a model or a combo, or all names that are written in one way."""

    alias = models.CharField(
        max_length=100,
        unique=True,
        validators=[alias_name],
        help_text="A name, or one with a * for any part of it: gpt-4*. The most specific decides.",
    )
    model = models.CharField(
        max_length=250,
        help_text="alias/model, or a combo. A * is what the alias has for its own: cc/claude-*.",
    )

    class Meta:
        ordering: ClassVar = ["alias"]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.alias

    def clean(self) -> None:
        if Combo.objects.filter(name=self.alias).exists():
            raise ValidationError({"alias": "a combo has this name"})
        if STAR in self.model:
            self._check_pattern()
        elif "/" in self.model:
            check_model(self.model)
        elif not Combo.objects.filter(name=self.model).exists():
            raise ValidationError({"model": f"{self.model!r} is neither alias/model nor a combo"})

    def _check_pattern(self) -> None:
        """Is there anything that the model's `*` could stand for?"""
        from providers.models import Provider

        alias, _, pattern = self.model.partition("/")
        if STAR not in self.alias:
            raise ValidationError(
                {"model": "a * here stands for that of the alias, which has none"}
            )
        if pattern.count(STAR) != 1 or STAR in alias:
            raise ValidationError({"model": "one *, and in the model's name"})
        provider = Provider.objects.filter(alias=alias).first()
        if provider is None:
            raise ValidationError({"model": f"{self.model!r}: no provider has the alias {alias!r}"})
        start, _, end = pattern.partition(STAR)
        alike = provider.offered_models.filter(name__startswith=start, name__endswith=end)
        if not provider.passthrough and not alike.exists():
            words = f"{self.model!r}: {provider.name} has no model of such a name"
            raise ValidationError({"model": words})


class Combo(models.Model):
    """Targets in order, called by the combo's name as if it were a model."""

    name = models.CharField(max_length=100, unique=True, validators=[callable_name])
    strategy = models.CharField(max_length=30, choices=STRATEGIES, default=Strategy.FILL_FIRST)
    tier_strategy = models.CharField(
        max_length=30,
        choices=Strategy,
        default=Strategy.FILL_FIRST,
        help_text="Of priority-tiers: among the targets of one tier.",
    )
    sticky = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Round-robin: so many calls in a row go to one target.",
    )
    hedge_after = models.FloatField(
        "hedge after, seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01)],
        help_text="When a target has sent nothing for so long, the next is started too. Both are "
        "paid for. Empty: never.",
    )
    cache = models.BooleanField(
        default=False, help_text="Answer a request that was answered before from the cache."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if Alias.objects.filter(alias=self.name).exists():
            raise ValidationError({"name": "an alias has this name"})


class ComboTarget(models.Model):
    """One step of a combo: a model, or another combo."""

    combo = models.ForeignKey(Combo, on_delete=models.CASCADE, related_name="targets")
    position = models.PositiveIntegerField(default=0)
    model = models.CharField(max_length=250, blank=True, help_text="alias/model")
    nested = models.ForeignKey(
        Combo,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="used_by",
        verbose_name="combo",
    )
    weight = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering: ClassVar = ["combo", "position", "pk"]
        verbose_name = "target"

    def __str__(self) -> str:
        return self.model or (f"combo {self.nested.name}" if self.nested else "")

    def clean(self) -> None:
        if bool(self.model) == bool(self.nested_id):
            raise ValidationError("a target is either a model or a combo")
        if self.model:
            check_model(self.model)
        if self.nested and self.combo_id:
            check_nesting(self.combo_id, self.nested)

    def get_additional_data(self) -> dict[str, int]:
        """For the history, which is that of its combo."""
        return {"combo": self.combo_id}


def check_model(model: str) -> None:
    """Is `alias/model` something that some provider could answer?

    Raises:
        ValidationError: No provider has the alias, or it has no such model and takes no other.
    """
    from providers.models import Provider, ProviderModel

    alias, slash, name = model.partition("/")
    provider = Provider.objects.filter(alias=alias).first() if slash and name else None
    if provider is None:
        raise ValidationError({"model": f"{model!r}: no provider has the alias {alias!r}"})
    known = ProviderModel.objects.filter(provider=provider, name=name).exists()
    if not known and not provider.passthrough:
        listed = provider.connections.filter(model_names__icontains=f'"{name}"').exists()
        if not listed:
            raise ValidationError({"model": f"{model!r}: {provider.name} has no such model"})


def check_nesting(combo: int, nested: Combo) -> None:
    """Refuse a nesting that comes back to `combo`, or goes deeper than MAX_DEPTH.

    Raises:
        ValidationError: It does.
    """
    below, above = _levels(nested.pk, "combo", "nested"), _levels(combo, "nested", "combo")
    if combo in below:
        raise ValidationError({"nested": "a combo cannot contain itself"})
    if max(below.values()) + max(above.values()) > MAX_DEPTH:
        raise ValidationError({"nested": f"combos nest at most {MAX_DEPTH} levels deep"})


def check_kinds(combo: Combo, models: Iterable[str], nested: Iterable[Combo]) -> None:
    """Refuse targets that are of several kinds, together with what the combos that contain this one
    stand for besides. A model of which nobody has said what it is fits everywhere.

    Args:
        combo: What stands there so far is not looked at: it is to have `models` and `nested`.

    Raises:
        ValidationError: They are.
    """
    above = set(_levels(combo.pk, "nested", "combo")) - {combo.pk} if combo.pk else set()
    inner = {row.pk for row in nested}
    for level in above:
        inner |= set(_levels(level, "combo", "nested"))
    inner |= {below for row in inner for below in _levels(row, "combo", "nested")}
    targets = ComboTarget.objects.filter(combo__in=inner - {combo.pk}).exclude(model="")
    kinds: dict[str, str] = {}
    for model in (*models, *targets.values_list("model", flat=True)):
        if (kind := kind_of(model)) is not None:
            kinds.setdefault(kind, model)
    if len(kinds) > 1:
        told = ", ".join(f"{model} is of the kind {kind}" for kind, model in kinds.items())
        raise ValidationError(f"the targets of a combo are of one kind of model: {told}")


def kind_of(model: str) -> str | None:
    """Of `alias/model`; null where nobody has said."""
    from providers.models import ProviderModel

    alias, _, name = model.partition("/")
    found = ProviderModel.objects.filter(provider__alias=alias, name=name)
    return found.values_list("kind", flat=True).first()


def _levels(combo: int, of: str, to: str) -> dict[int, int]:
    """Every combo that is reached from `combo`, and on which level at the deepest; its own is 1."""
    levels, level, reached = {combo: 1}, 1, {combo}
    while reached and level <= MAX_DEPTH:
        level += 1
        steps = ComboTarget.objects.filter(**{f"{of}__in": reached}).exclude(nested=None)
        reached = set(steps.values_list(f"{to}_id", flat=True))
        levels |= dict.fromkeys(reached, level)
    return levels
