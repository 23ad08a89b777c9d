"""What a failed attempt means, by the shipped rules, an operator's own, and the status."""

from dataclasses import dataclass

import msgspec
import pytest

from gateway.verdict import Failure, Rule, Verdict, arrange, judge
from providers import error_rules

SHIPPED = arrange(
    Rule(
        row.action, row.provider, row.status, row.pattern, row.kind, row.scope, row.cooldown_s, True
    )
    for row in error_rules.read()
)


@dataclass(frozen=True)
class Case:
    status: int | None
    message: str
    expect: str  # kind, scope, action
    provider: str = "mine"
    is_timeout: bool = False

    @property
    def id(self) -> str:
        return f"{self.provider}-{self.status}-{self.message[:50]}"


def test_a_pattern_that_takes_for_ever_fits_nothing_and_the_status_decides() -> None:
    rules = [
        Rule("stop", pattern=r"(a|aa)+$"),
        Rule("retry", pattern="comes too late to be looked for"),
        Rule("next_target", status=529),
    ]
    endless = "a" * 30_000 + "b comes too late to be looked for"
    assert judge(rules, "mine", Failure(429, endless)).action == "next_connection"
    assert judge(rules, "mine", Failure(529, endless)).action == "next_target"


def test_it_takes_no_time_from_the_shipped_rules() -> None:
    own = Rule("stop", pattern=r"(a|aa)+$")
    shipped = Rule("next_target", pattern="ends in b", kind="context_overflow", builtin=True)
    message = "a" * 30_000 + " ends in b"
    assert judge((own, shipped), "any", Failure(400, message)).action == "next_target"


def summary(verdict: Verdict) -> str:
    return f"{verdict.kind} {verdict.scope} {verdict.action}"


BY_STATUS = [
    Case(429, "slow down", "rate_limit connection next_connection"),
    Case(401, "who are you", "credential connection next_connection"),
    Case(403, "not you", "credential connection next_connection"),
    Case(402, "pay first", "quota connection next_connection"),
    Case(404, "no such model", "model model next_connection"),
    Case(410, "retired", "model model next_connection"),
    Case(400, "temperature: too hot", "client model stop"),
    Case(413, "413 Request Entity Too Large", "client model stop"),
    Case(422, "field required", "client model stop"),
    Case(408, "too slow", "server model next_connection"),
    Case(409, "try again", "server model next_connection"),
    Case(500, "oh no", "server model next_connection"),
    Case(503, "down for maintenance", "server model next_connection"),
    Case(529, "Overloaded", "server model next_connection"),
    Case(200, "the upstream's answer is not JSON", "server model next_connection"),
    Case(302, "the upstream answered 302", "server model next_connection"),
    Case(418, "a teapot", "server model next_connection"),
    Case(None, "cannot connect: refused", "server model next_connection"),
    Case(None, "no response within 10 s", "server model next_connection", is_timeout=True),
    Case(200, "no further content within 60 s", "server model next_connection", is_timeout=True),
]

OVERFLOW = "context_overflow model next_target"
SPENT = "quota connection next_connection"
OF_THE_MODEL = "rate_limit model next_connection"

BY_MESSAGE = [
    Case(429, "This request would exceed the limit of 30,000 input tokens per minute", OF_THE_MODEL, "anthropic"),
    Case(429, "Too many tokens, please wait before trying again.", OF_THE_MODEL, "bedrock"),
    Case(429, "You exceeded your current quota, please check your plan and billing details.", OF_THE_MODEL, "gemini"),
    Case(429, "You exceeded your current quota […] Quota exceeded for metric: x/free_tier_requests, limit: 0, model: y", "model model next_connection", "gemini"),
    Case(429, "You exceeded your current quota […]\n* Quota exceeded for metric: x/paid_tier_requests, limit: 1000, model: y", OF_THE_MODEL),
    Case(429, "Quota exceeded for aiplatform.googleapis.com/requests_per_base_model", OF_THE_MODEL),
    Case(429, "Provider returned error", OF_THE_MODEL, "openrouter"),
    Case(429, "Rate limit exceeded: free-models-per-day", "rate_limit connection next_connection", "openrouter"),
    Case(403, "Provider returned error", "client connection next_target", "openrouter"),
    Case(429, "Rate limit reached for gpt-x in organization org-1 on tokens per min (TPM)", OF_THE_MODEL),
    Case(429, "Requests to this operation have exceeded call rate limit of your tier", OF_THE_MODEL),
    Case(429, "The engine is currently overloaded, please try again later", "server model next_connection"),
    Case(429, "You exceeded your current quota, please check your plan and billing details.", SPENT),
    Case(429, "Insufficient balance or no resource package. Please recharge.", SPENT),
    Case(429, "账户余额不足", SPENT),
    Case(429, "Your account is not active, please check your billing details", SPENT),
    Case(429, "Your team has used all available credits or reached its monthly spending limit", SPENT),
    Case(429, "You use a Trial key, which is limited to 1000 API calls / month", SPENT),
    Case(429, "You use a Trial key, which is limited to 20 API calls / minute", "rate_limit connection next_connection"),
    Case(403, "Sorry, your account balance is insufficient", SPENT),
    Case(400, "Your credit balance is too low to access the API.", SPENT, "anthropic"),
    Case(400, "You have reached your specified API usage limits.", SPENT, "anthropic"),
    Case(400, "prompt is too long: 213462 tokens > 200000 maximum", OVERFLOW),
    Case(400, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", OVERFLOW),
    Case(400, "This model's maximum context length is 8192 tokens. However, […]", OVERFLOW),
    Case(400, "Your input exceeds the context window of this model.", OVERFLOW),
    Case(400, "The input token count (1196265) exceeds the maximum number of tokens allowed", OVERFLOW),
    Case(400, "This model's maximum prompt length is 131072 but the request contains 537812", OVERFLOW),
    Case(400, "Please reduce the length of the messages or completion.", OVERFLOW),
    Case(400, "the request exceeds the available context size, try increasing it", OVERFLOW),
    Case(400, "tokens to keep from the initial prompt is greater than the context length", OVERFLOW),
    Case(400, "prompt token count of 130000 exceeds the limit of 128000", OVERFLOW),
    Case(400, "invalid params, context window exceeds limit", OVERFLOW),
    Case(400, "Your request exceeded model token limit: 262144 (requested: 300000)", OVERFLOW),
    Case(400, "Input is too long for requested model.", OVERFLOW),
    Case(400, "too many tokens: size limit exceeded by 25836 tokens.", OVERFLOW),
    Case(400, "prompt too long; exceeded max context length by 1119046 tokens", OVERFLOW),
    Case(400, "The total length of all messages is too long.", OVERFLOW),
    Case(400, "Range of input length should be [1, 30720]", OVERFLOW),
    Case(413, "context_length_exceeded", OVERFLOW),
    Case(400, "API key not valid. Please pass a valid API key.", "credential connection next_connection"),
    Case(400, "Incorrect API key provided: xa***yz.", "credential connection next_connection"),
    Case(400, "User location is not supported for the API use.", "credential connection next_connection"),
    Case(400, "some/model is not a valid model ID", "model model next_connection"),
    Case(400, "The provided model identifier is invalid.", "model model next_connection"),
    Case(403, "You don't have access to the model with the specified model ID.", "model model next_connection"),
    Case(403, "Project `p` does not have access to model `m`", "model model next_connection"),
    Case(403, "Content violates usage guidelines.", "client connection stop"),
    Case(404, "Previous response with id 'resp_1' not found.", "client model next_connection"),
    Case(404, "model 'x' not found", "model model next_connection"),
]  # fmt: skip

REPEATED = [
    Case(400, f"Invalid value: '{words}'", "client model stop")
    for words in (
        "Your credit balance is too low",
        "insufficient balance",
        "API key not valid",
        "Invalid model",
        "overloaded",
        "you do not have access to the model",
        "User location is not supported",
    )
]


@pytest.mark.parametrize("case", [*BY_STATUS, *BY_MESSAGE], ids=lambda case: case.id)
def test_what_a_failure_means_by_the_shipped_rules(case: Case) -> None:
    failure = Failure(case.status, case.message, case.is_timeout)
    assert summary(judge(SHIPPED, case.provider, failure)) == case.expect


@pytest.mark.parametrize("case", REPEATED, ids=lambda case: case.id)
def test_words_of_the_request_that_a_400_repeats_take_nothing_away(case: Case) -> None:
    assert summary(judge(SHIPPED, case.provider, Failure(400, case.message))) == case.expect


@pytest.mark.parametrize("case", BY_STATUS, ids=lambda case: case.id)
def test_without_rules_the_status_decides(case: Case) -> None:
    failure = Failure(case.status, case.message, case.is_timeout)
    assert summary(judge((), case.provider, failure)) == case.expect


def test_every_shipped_rule_decides_one_of_these_cases() -> None:
    """Taking it away changes what some message means: none is dead, none is untested."""
    for rule in SHIPPED:
        rest = [other for other in SHIPPED if other is not rule]
        assert any(
            judge(rest, case.provider, Failure(case.status, case.message))
            != judge(SHIPPED, case.provider, Failure(case.status, case.message))
            for case in (*BY_MESSAGE, TOO_LARGE)
        ), rule


TOO_LARGE = Case(429, "Request too large for gpt-x on tokens per min (TPM): Limit 30000", "")


def test_what_no_waiting_helps_is_not_waited_for() -> None:
    verdict = judge(SHIPPED, "openai", Failure(429, TOO_LARGE.message, hint_s=60))
    assert (verdict.kind, verdict.cooldown_s) == ("rate_limit", 0)


def rule(action: str, **fields: object) -> Rule:
    return msgspec.convert({"action": action, **fields}, Rule)


@dataclass(frozen=True)
class Own:
    id: str
    rules: list[Rule]
    failure: Failure
    expect: str


BUSY = Failure(500, "Queue FULL,\ntry later")
OWN = [
    Own("an operator's rule goes before a shipped one", [rule("stop", builtin=True), rule("retry")], BUSY, "server model retry"),
    Own("even before one of this provider", [rule("stop", builtin=True, provider="mine"), rule("retry")], BUSY, "server model retry"),
    Own("one of this provider goes before one of any", [rule("stop"), rule("retry", provider="mine")], BUSY, "server model retry"),
    Own("of the same rank the first", [rule("retry"), rule("stop")], BUSY, "server model retry"),
    Own("another provider's is not looked at", [rule("stop", provider="other")], BUSY, "server model next_connection"),
    Own("nor another status's", [rule("stop", status=502)], BUSY, "server model next_connection"),
    Own("nor other words'", [rule("stop", pattern="queue empty")], BUSY, "server model next_connection"),
    Own("words are found in any case and across lines", [rule("retry", pattern="queue full.*later")], BUSY, "server model retry"),
    Own("a rule says what it is", [rule("next_target", kind="quota", scope="connection")], BUSY, "quota connection next_target"),
    Own("without a status it fits where there was no answer", [rule("retry", pattern="reset")], Failure(None, "connection reset"), "server model retry"),
    Own("with one it does not", [rule("retry", status=500)], Failure(None, "500"), "server model next_connection"),
]  # fmt: skip


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.id)
def test_which_rule_decides(case: Own) -> None:
    assert summary(judge(arrange(case.rules), "mine", case.failure)) == case.expect


def test_the_verdict_carries_what_the_rule_and_the_provider_say_of_time_and_the_words() -> None:
    verdict = judge([rule("retry", cooldown_s=7)], "mine", Failure(500, "oh no", hint_s=30))
    assert (verdict.cooldown_s, verdict.hint_s, verdict.cause) == (7, 30, "500: oh no")
    assert judge([], "mine", Failure(None, "cannot connect")).cause == "cannot connect"


def test_a_pattern_that_is_none_is_refused_when_the_rule_is_made() -> None:
    with pytest.raises(ValueError, match=r"^pattern: unterminated"):
        Rule("stop", pattern="[")
