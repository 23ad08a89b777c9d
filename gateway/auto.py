"""`auto` and its kin: virtual models that stand for whatever a key may use."""

from collections.abc import Iterator

from gateway import demo
from gateway.snapshot import Model, Provider, Snapshot

# The strategy, and that within a tier. What a model costs is the one thing that is known of all.
STRATEGIES = {
    "auto": ("priority-tiers", "cost-optimized"),
    "auto:cheap": ("cost-optimized", ""),
    "auto:fast": ("priority-tiers", "fastest"),
    "auto:free": ("priority-tiers", "fill-first"),
}
NAMES = tuple(STRATEGIES)


def models(snapshot: Snapshot, name: str) -> Iterator[str]:
    """The models, as `alias/model`, that `name` stands for: those that some connection serves."""
    for provider in snapshot.providers.values():
        if not is_echo(provider):
            for model in provider.served:
                if provider.kind_of(model) not in (None, "chat"):
                    continue  # the vectors of two models are not to be compared
                if name != "auto:free" or _is_free(provider, provider.models.get(model)):
                    yield f"{provider.alias}/{model}"


def is_echo(provider: Provider) -> bool:
    """What the gateway answers by itself is no answer to somebody's question."""
    urls = [url for connection in provider.connections for url in connection.base_urls.values()]
    return any(url.startswith(f"{demo.SCHEME}:") for url in urls)


def _is_free(provider: Provider, model: Model | None) -> bool:
    prices = model.prices if model else None
    return provider.tier == "free" or (prices is not None and not (prices.input or prices.output))
