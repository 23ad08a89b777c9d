"""What Claude Code sends, to a provider of its own format and to others."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.clients.asking import JSON, MESSAGES, UPSTREAMS, events, left, post
from tests.e2e.gateway import CLIENT, KEY, Gateway, key_of, keyed, request_id
from tests.e2e.upstream import Upstream

BETA = MESSAGES + "?beta=true"
COUNT = "/v1/messages/count_tokens?beta=true"
BETAS = ",".join([
    "claude-code-20250219", "context-1m-2025-08-07", "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27", "prompt-caching-scope-2026-01-05", "effort-2025-11-24",
    "advanced-tool-use-2025-11-20", "made-up-for-this-test-2099-01-01",
])  # fmt: skip
HOT = {"type": "ephemeral", "ttl": "1h"}
BILLING = "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=cli; cch=00000;"
RULE, REMINDER = "Prefer small commits.", "<system-reminder>The list is empty.</system-reminder>"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


def turn(model: str, **fields: object) -> JSON:
    """A second turn, with all that stands in one."""
    return {
        "model": model,
        "max_tokens": 64_000,
        "stream": True,
        "system": [
            {"type": "text", "text": BILLING},
            {"type": "text", "text": "You are an agent.", "cache_control": HOT},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "List the files."}]},
            {"role": "system", "content": RULE},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "A tool.", "signature": "c2lnbmVk"},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}},
                {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {"path": "b"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": f"one\n{REMINDER}"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [
                    {"type": "text", "text": "two"}, {"type": "text", "text": REMINDER},
                ], "cache_control": HOT},
            ]},
        ],
        "tools": [
            {"name": "Read", "description": "Reads.", "input_schema": SCHEMA},
            {"name": "ToolSearch", "input_schema": {"type": "object", "properties": {}}},
            {"name": "DeferredToolPlaceholder", "input_schema": SCHEMA, "defer_loading": True,
             "cache_control": HOT},
        ],
        "thinking": {"type": "adaptive", "display": "summarized"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "metadata": {"user_id": '{"device_id":"d","account_uuid":"","session_id":"s"}'},
    } | fields  # fmt: skip


def ask(gateway: Gateway, body: JSON) -> tuple[list[str], JSON]:
    """The names of the events, and the answer's headers."""
    answer = post(gateway, BETA, body, anthropic_version="2023-06-01", anthropic_beta=BETAS)
    assert answer.status_code == 200, answer.text
    return [event.name for event in events(answer)], dict(answer.headers)


def test_its_own_provider_gets_all_of_it_and_all_betas(
    gateway: Gateway, upstream: Upstream
) -> None:
    """The billing block, the system message in the midst and every unknown field included."""
    names, headers = ask(gateway, turn("an/talk"))
    assert (names[0], names[-1]) == ("message_start", "message_stop")
    assert "x-omniroute-dropped" not in headers
    sent = upstream.seen[-1]
    assert sent.body == turn("talk")
    assert sent.headers["anthropic-beta"] == BETAS


def test_betas_in_several_lines_are_all_passed_on(gateway: Gateway, upstream: Upstream) -> None:
    lines = [("anthropic-beta", beta) for beta in BETAS.split(",")]
    headers = [*keyed().items(), *lines]
    answer = CLIENT.post(gateway.url + BETA, json=turn("an/talk"), headers=headers)
    assert left(upstream, answer).headers["anthropic-beta"] == BETAS


@pytest.mark.parametrize("provider", ["mk", "rs", "gm"])
def test_another_provider_gets_what_it_can_say(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    names, headers = ask(gateway, turn(f"{provider}/talk"))
    assert (names[0], names[-1]) == ("message_start", "message_stop")
    sent = upstream.seen[-1]
    assert "anthropic-beta" not in sent.headers
    told = sent.raw.decode()
    for text in (BILLING, "You are an agent.", RULE, REMINDER, "ToolSearch", "one", "two"):
        assert text in told
    assert "clear_thinking" not in told
    dropped = headers["x-omniroute-dropped"]
    for name in ("context_management", "cache_control"):
        assert name in dropped


@pytest.mark.parametrize("content", [RULE, [{"type": "text", "text": RULE}]], ids=["text", "block"])
def test_a_system_message_in_the_midst_keeps_its_role_and_place_in_chat(
    gateway: Gateway, upstream: Upstream, content: object
) -> None:
    body = turn("mk/talk")
    body["messages"][1]["content"] = content
    ask(gateway, body)
    sent = upstream.seen[-1].body["messages"]
    assert [message["role"] for message in sent] == [
        "system", "user", "system", "assistant", "tool", "tool",
    ]  # fmt: skip
    assert RULE in str(sent[2]["content"])
    assert [m["tool_call_id"] for m in sent[4:]] == ["toolu_1", "toolu_2"]
    assert "one" in sent[4]["content"]
    assert REMINDER in sent[4]["content"]
    assert "two" in sent[5]["content"]
    assert REMINDER in sent[5]["content"]


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize(
    "thinking",
    [
        {"type": "enabled", "budget_tokens": 31_999},
        {"type": "adaptive", "display": "omitted"},
        {"type": "disabled"},
    ],
    ids=lambda told: told["type"],
)
@pytest.mark.parametrize("max_tokens", [32_000, 128_000])
def test_any_thinking_and_any_limit_are_served(
    gateway: Gateway, upstream: Upstream, provider: str, thinking: JSON, max_tokens: int
) -> None:
    ask(gateway, turn(f"{provider}/talk", thinking=thinking, max_tokens=max_tokens))
    sent = upstream.seen[-1].body
    fields = ("max_tokens", "max_output_tokens", "max_completion_tokens")
    limits = [sent[name] for name in fields if name in sent]
    limits += [sent["generationConfig"]["maxOutputTokens"]] if provider == "gm" else []
    assert limits == [max_tokens]
    if provider == "an":
        assert sent["thinking"] == thinking


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_the_call_for_a_title_has_an_empty_list_of_tools(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    title = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"],
             "additionalProperties": False}  # fmt: skip
    body: JSON = {
        "model": f"{provider}/person", "max_tokens": 32_000, "temperature": 1, "tools": [],
        "system": [{"type": "text", "text": BILLING}, {"type": "text", "text": "Name this."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Fix the test."}]}],
        "thinking": {"type": "disabled"}, "stream": True,
        "output_config": {"format": {"type": "json_schema", "schema": title}},
    }  # fmt: skip
    ask(gateway, body)
    sent = upstream.seen[-1].body
    assert sent.get("tools") == ([] if provider == "an" else None)
    schema = {
        "an": lambda: sent["output_config"]["format"]["schema"],
        "mk": lambda: sent["response_format"]["json_schema"]["schema"],
        "rs": lambda: sent["text"]["format"]["schema"],
        "gm": lambda: sent["generationConfig"]["responseJsonSchema"],
    }[provider]()
    assert schema == title


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_call_repeated_without_a_stream_is_answered_whole(
    gateway: Gateway, provider: str
) -> None:
    answer = post(gateway, BETA, turn(f"{provider}/talk", stream=False), anthropic_beta=BETAS)
    assert answer.json()["content"] == [{"type": "text", "text": "Hello from the upstream."}]
    assert answer.json()["stop_reason"] == "end_turn"


def test_a_404_of_a_provider_of_its_own_is_hidden_as_a_failure_to_reach_it(
    gateway: Gateway,
) -> None:
    """A 404 would have it ask again without a stream; only a model unknown here is one."""
    assert post(gateway, BETA, turn("an/status-404")).status_code == 502
    unknown = post(gateway, BETA, turn("nobody/nothing"))
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")


def test_a_providers_400_comes_back_with_its_own_body(gateway: Gateway) -> None:
    """It drops betas, fields and deferred tools by what these words name."""
    answer = post(gateway, BETA, turn("an/status-400"), anthropic_beta=BETAS)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("refused ")
    assert answer.json()["error"]["type"] == "t"


def test_forty_counts_at_once_are_answered_outside_the_limits_of_requests(
    gateway: Gateway, upstream: Upstream
) -> None:
    body = {name: turn("mk/talk")[name] for name in ("model", "messages", "system", "tools")}
    before, rare = len(upstream.seen), key_of("rare")  # of one request a minute
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: post(gateway, COUNT, body, x_api_key=rare), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-omniroute-usage"] for answer in answers} == {"estimated"}
    assert all(answer.json()["input_tokens"] > 0 for answer in answers)
    assert len(upstream.seen) == before  # answered here


def test_its_own_provider_counts_with_its_betas(gateway: Gateway, upstream: Upstream) -> None:
    body = {name: turn("an/talk")[name] for name in ("model", "messages", "system", "tools")}
    answer = post(gateway, COUNT, body, anthropic_beta=BETAS)
    assert answer.json() == {"input_tokens": 42}
    sent = left(upstream, answer)
    assert sent.headers["anthropic-beta"] == BETAS
    assert sent.body == body | {"model": "talk"}


def test_models_are_discovered_in_its_shape(gateway: Gateway) -> None:
    """It keeps ids with `claude` in them by itself, and follows no redirect."""
    headers = {"anthropic-version": "2023-06-01", "user-agent": "claude-code/2.1.330"} | keyed(KEY)
    answer = CLIENT.get(gateway.url + "/v1/models?limit=1000", headers=headers)
    assert answer.status_code == 200
    assert {"id": "mk/plain", "display_name": "mk/plain"}.items() <= next(
        row for row in answer.json()["data"] if row["id"] == "mk/plain"
    ).items()
    assert request_id(answer)


def test_its_greeting_is_answered_without_a_key(gateway: Gateway) -> None:
    answer = CLIENT.head(gateway.url + "/api/hello")
    assert (answer.status_code, answer.content) == (200, b"")


def test_every_event_has_its_name(gateway: Gateway) -> None:
    answer = post(gateway, BETA, turn("mk/agent"))
    for event in events(answer):
        assert event.name == event.data["type"]
