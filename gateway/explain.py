"""Who would be asked for a request, and why not the others. Nobody is, and nothing is counted."""

from collections.abc import Iterable

from msgspec import Struct

from analytics.costs import cost_picousd, format_usd
from gateway import controls, pipeline, routing, tokens
from gateway.choice import Ask, Choice, Excluded
from gateway.errors import GatewayError
from gateway.formats.kinds import AnyClient
from gateway.formats.types import JSONDict, Usage
from gateway.routing import Target
from gateway.runtime import Runtime
from gateway.snapshot import Principal, Snapshot


class Candidate(Struct, frozen=True):
    """`score` is what its strategy went by, `measure` what that is; `cost_usd` is an estimate, null
    without a price."""

    model: str
    connection: str
    provider: str
    tier: str
    format: str  # that is spoken to it
    score: float | None
    measure: str | None
    cost_usd: str | None


class Explanation(Struct, frozen=True):
    """`model` is what was asked for, `stands_for` what that is (a combo, alias/model or `auto`), and
    `by` what says so, if it is not the name itself. `order` are those that would be tried, `refusal`
    is what the client would get instead."""

    model: str
    stands_for: str
    by: str
    strategy: str
    prompt_tokens: int
    order: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]
    refusal: str | None = None
    status: int = 200


async def explain(
    runtime: Runtime,
    principal: Principal,
    format: AnyClient,
    model: str,
    request: JSONDict,
    headers: Iterable[tuple[bytes, bytes]],
    snapshot: Snapshot | None = None,
) -> Explanation:
    """As `pipeline.serve` would choose now; round-robins show whose turn is next.

    Args:
        snapshot: A configuration that is not in force; null: the one that is.

    Raises:
        GatewayError: The request is wrong, or the model unknown or not allowed.
    """
    asked = controls.read(headers, principal.controls)
    route = routing.resolve(snapshot or runtime.snapshot, principal, model, format.NAME)
    prompt_tokens = tokens.estimate_body(request)
    units = pipeline.units(format, request)
    at_most = format.max_tokens(request)
    ask = pipeline.wishes(route, principal, format, request, asked, prompt_tokens, at_most, units)
    turns = await runtime.state.turn(route.turns, 0) if route.turns else ()
    named = dict(zip(route.turns, turns, strict=True))
    choice = pipeline.chooser(ask, runtime, named).choose(route)
    if asked.no_fallback:
        choice = choice.first_only()
    refusal: GatewayError | None = None if choice.order else choice.refusal(ask)
    return Explanation(
        model=model,
        stands_for=route.named.to,
        by=route.named.by,
        strategy=route.root.strategy,
        prompt_tokens=prompt_tokens,
        order=tuple(_candidate(target, choice, ask) for target in choice.order),
        excluded=choice.excluded,
        refusal=str(refusal) if refusal else None,
        status=refusal.status if refusal else 200,
    )


def _candidate(target: Target, choice: Choice, ask: Ask) -> Candidate:
    usage = Usage(ask.prompt_tokens, ask.output_tokens, units=ask.units)
    cost = cost_picousd(usage, target.model.prices)
    score = choice.scores.get(target.key)
    return Candidate(
        model=target.model.id,
        connection=target.connection.name,
        provider=target.provider.slug,
        tier=target.provider.tier,
        format=target.format.NAME,
        score=score and score.value,
        measure=score and score.measure,
        cost_usd=None if cost is None else format_usd(cost),
    )
