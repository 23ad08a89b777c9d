"""The models that a provider has, their prices, and the list that it gives of them."""

from decimal import Decimal
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import ngettext

from omniroute.fields import FlagsField
from providers import pricing
from providers.models.provider import Provider

CAPABILITIES = ("tools", "parallel_tools", "images", "audio", "files", "schema", "thinking")


class Kind(models.TextChoices):
    """What a model makes; each kind is called at addresses of its own."""

    CHAT = "chat", "Chat"
    EMBEDDING = "embedding", "Embeddings"
    RERANK = "rerank", "Reranking"
    MODERATION = "moderation", "Moderation"
    SPEECH = "speech", "Speech"
    IMAGE = "image", "Images"
    TRANSCRIPTION = "transcription", "Transcription"


class ProviderModel(models.Model):
    """A model of a provider. A price that is null is unknown: such a call is logged unpriced."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="offered_models")
    name = models.CharField("model", max_length=200, help_text="As the provider expects it.")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CHAT)
    # `in` and `out`: text, image, audio, video, pdf, embedding, score.
    modalities = models.JSONField(default=dict, blank=True, editable=False)
    context_window = models.PositiveIntegerField(null=True, blank=True)
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    input_price = models.DecimalField(
        "input $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    output_price = models.DecimalField(
        "output $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    cache_read_price = models.DecimalField(
        "cache read $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    cache_write_price = models.DecimalField(
        "cache write $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    cache_write_1h_price = models.DecimalField(
        "cache write $/Mtok, kept an hour", max_digits=14, decimal_places=6, null=True, blank=True
    )
    reasoning_price = models.DecimalField(
        "reasoning $/Mtok", max_digits=14, decimal_places=6, null=True, blank=True
    )
    price_tiers = models.JSONField(
        default=list,
        blank=True,
        help_text="Prices of a request with more tokens than `over`; what is not named stays, but "
        "for a cache its share of input, and for thoughts theirs of output. Such as "
        '[{"over": 200000, "input": 2.5, "output": 15}].',
    )
    price_changes = models.JSONField(
        default=list,
        blank=True,
        help_text="Prices from a day on, in place of all those above. Such as "
        '[{"from": "2027-01-01", "input": 2, "output": 8}].',
    )
    media_prices = models.JSONField(
        default=dict,
        blank=True,
        help_text='USD for what is not counted in tokens. Such as {"per_image": 0.04}.',
    )
    # The day of a price list that an operator has applied; an older catalogue leaves it alone.
    priced_on = models.DateField(null=True, blank=True, editable=False)
    dimensions = models.PositiveIntegerField(null=True, blank=True, editable=False)
    retired_on = models.DateField(null=True, blank=True, editable=False)
    capabilities = FlagsField(
        names=CAPABILITIES,
        help_text='What it can and cannot do; what is not named is tried. Such as {"images": false}.',
    )
    # As those of its provider, and stronger.
    quirks = models.JSONField(default=dict, blank=True)
    # Where it is served in another format than its provider's.
    format = models.CharField(max_length=30, choices=Provider.Format, blank=True)
    active = models.BooleanField(default=True)
    # Of a row that `providers.discovery` made: since when it is listed, and is no more.
    discovered_on = models.DateField(null=True, blank=True, editable=False)
    vanished_on = models.DateField(null=True, blank=True, editable=False)
    # Set where an operator changed a catalogue row: the catalogue then leaves it alone.
    customised = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering: ClassVar = ["provider__alias", "name"]
        verbose_name = "model"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "name"], name="one_row_a_model"),
        ]

    def __str__(self) -> str:
        return f"{self.provider.alias}/{self.name}"

    @property
    def origin(self) -> str:
        """Who says that there is such a model: `catalogue`, `operator` or `discovery`."""
        if self.discovered_on is not None:
            return "discovery"
        return "catalogue" if self.provider.builtin and not self.customised else "operator"

    def adopt(self) -> None:
        """It is an operator's from now on: neither the catalogue nor discovery touches it."""
        self.customised = self.provider.builtin
        self.discovered_on = self.vanished_on = None

    def clean(self) -> None:
        for field in pricing.COLUMNS.values():
            price: Decimal | None = getattr(self, field)
            if price is not None and price < 0:
                raise ValidationError({field: "a price is 0 or more"})
        for name in ("price_tiers", "price_changes", "media_prices"):
            try:
                pricing.check(name, getattr(self, name))
            except ValueError as error:
                raise ValidationError({name: str(error)}) from None


class ModelList(models.Model):
    """When a provider is asked for its list of models, and what came of it last."""

    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="model_list")
    due = models.DateTimeField()
    asked = models.DateTimeField(null=True)
    listed = models.PositiveIntegerField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    changed = models.DateTimeField(null=True)  # when discovery last wrote models

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"models of {self.provider}"

    @property
    def words(self) -> str:
        """For a person."""
        if self.asked is None:
            return "not asked yet"
        when = f"{self.asked:%Y-%m-%d %H:%M} UTC"
        if self.problem:
            return f"{when}: {self.problem}"
        listed = self.listed or 0
        return f"{when}: " + ngettext("%(n)d model", "%(n)d models", listed) % {"n": listed}
