"""What a name stands for, who may ask for it, and what is said where it stands for nothing."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from gateway import names, routing
from gateway.endpoints import Endpoint
from gateway.errors import BadRequest, GatewayError, ModelNotFound, NotAllowed
from gateway.names import Named
from gateway.snapshot import Principal
from tests.gateway.configured import ANYONE, combo, connection, model, provider, snapshot

CLOSED: dict[str, Any] = {"passthrough": False}  # it takes no name that is not listed


def key(pattern: str) -> Principal:
    return Principal(name="narrow", allowed=re.compile(pattern))


VECTORS = Endpoint("openai_embeddings", "", "openai_chat")
SCENE = snapshot(
    provider("mk", model("mk/shared"), model("mk/only-mk"), model("mk/gpt-4o"), **CLOSED),
    provider("an", model("an/shared"), model("an/org/deep"), model("an/opus"), **CLOSED),
    provider("em", model("em/mixed", kind="embedding"), endpoints={"embedding": VECTORS}),
    provider("ch", model("ch/mixed"), **CLOSED),
    provider("of", model("of/asleep"), accounts=[connection("of", "another")], **CLOSED),
    provider("old", retired={"old-1": "2026-01-01"}, **CLOSED),
    combo("best", "mk/only-mk"),
    aliases={
        "smart": "mk/only-mk",
        "top": "best",
        "gpt-*": "mk/only-mk",
        "claude-m*": "mk/a-name-that-is-rather-long-*",
        "claude-*": "an/*",
        "only-an": "an/opus",
        "dangling": "mk/gone",
        "ancient": "old/old-1",
        "mine": "an/shared",
    },
)


@dataclass(frozen=True)
class Case:
    id: str
    name: str
    to: str
    by: str = ""
    key: Principal = ANYONE
    kind: str = "chat"


OWN = "the model's own name"
CASES = [
    Case("a combo", "best", "best"),
    Case("a model", "mk/shared", "mk/shared"),
    Case("auto", "auto", "auto"),
    Case("an alias", "smart", "mk/only-mk", "the alias smart"),
    Case("an alias of a combo", "top", "best", "the alias top"),
    Case("a pattern", "gpt-5", "mk/only-mk", "the alias gpt-*"),
    Case("a pattern before a model's own name", "gpt-4o", "mk/only-mk", "the alias gpt-*"),
    Case("a part that goes into the model", "claude-opus", "an/opus", "the alias claude-*"),
    Case("a model's own name", "only-mk", "mk/only-mk", OWN),
    Case("an own name with a slash", "org/deep", "an/org/deep", OWN),
    Case("only one of them is of that kind", "mixed", "em/mixed", OWN, kind="embedding"),
    Case("and of the other", "mixed", "ch/mixed", OWN),
    Case("only one of them is the key's", "shared", "an/shared", OWN, key("an/.*")),
    Case("a key for the alias", "smart", "mk/only-mk", "the alias smart", key("smart")),
    Case("a key for what it stands for", "smart", "mk/only-mk", "the alias smart", key("mk/.*")),
    Case("a key for the name alone", "only-mk", "mk/only-mk", OWN, key("only-mk")),
    Case("auto is what the key may call", "auto", "auto", "", key("an/.*")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_find(case: Case) -> None:
    assert names.find(SCENE, case.key, case.name, case.kind) == Named(case.to, case.by)


@dataclass(frozen=True)
class Refusal:
    id: str
    name: str
    error: type[GatewayError]
    words: str
    key: Principal = ANYONE


REFUSALS = [
    Refusal("several have it", "shared", BadRequest, "an/shared, mk/shared; name one of them"),
    Refusal("a key for the name does not choose", "shared", BadRequest, "an/shared, mk", key("shared")),
    Refusal("nothing is called so", "smrt", ModelNotFound, "does not exist; did you mean smart?"),
    Refusal("what the key may not call is not suggested", "smrt", ModelNotFound, "exist$", key("smrt")),
    Refusal("not the key's", "smart", NotAllowed, "may not call the model 'smart'", key("an/.*")),
    Refusal("nor any of them", "shared", NotAllowed, "may not call", key("ch/.*")),
    Refusal("unknown to a narrow key", "nothing", NotAllowed, "may not call", key("mk/.*")),
    Refusal("no account serves it", "asleep", ModelNotFound, "does not exist"),
    Refusal("an alias of nothing", "dangling", ModelNotFound, "alias 'dangling' 'mk/gone': there is"),
    Refusal("an alias of what is retired", "ancient", ModelNotFound, "retired since 2026-01-01"),
    Refusal("a part that fits no model", "claude-9", ModelNotFound, "'an/9': there is no such model"),
    Refusal("no model, and no line of a log", "mk/a\r\nb", ModelNotFound, r"no model has the name 'mk/a\\r\\nb'$"),
    Refusal("longer than its column", "mk/" + "m" * 248, ModelNotFound, "no model has the name"),
    Refusal("longer by an alias", "claude-" + "m" * 243, ModelNotFound, "there is no such model"),
    Refusal("a retired model", "old/old-1", ModelNotFound, "is retired since 2026-01-01"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.id)
def test_what_stands_for_nothing_is_refused(case: Refusal) -> None:
    with pytest.raises(case.error, match=case.words) as caught:
        names.find(SCENE, case.key, case.name, "chat")
    assert caught.value.param == "model"


def test_of_many_candidates_some_are_named() -> None:
    many = snapshot(*(provider(f"p{n}", model(f"p{n}/m"), **CLOSED) for n in range(8)))
    with pytest.raises(BadRequest, match=r"p0/m, p1/m, p2/m, p3/m, p4/m and 3 more;"):
        names.find(many, ANYONE, "m", "chat")


def test_what_the_gateway_answers_itself_is_asked_for_by_its_whole_name() -> None:
    echo = connection("echo", base_urls={"openai_chat": "demo://echo"})
    demo = snapshot(provider("demo", model("demo/echo"), accounts=[echo], **CLOSED))
    with pytest.raises(ModelNotFound):
        names.find(demo, ANYONE, "echo", "chat")


def test_names_of_one_model_share_its_candidates_and_keep_what_they_were() -> None:
    by_alias = routing.resolve(SCENE, ANYONE, "smart", "openai_chat")
    whole = routing.resolve(SCENE, ANYONE, "mk/only-mk", "openai_chat")
    assert [t.key for t in by_alias.targets] == [t.key for t in whole.targets]
    assert (by_alias.named.by, whole.named.by) == ("the alias smart", "")
    assert routing.resolve(SCENE, ANYONE, "smart", "openai_chat") is by_alias


def test_names_that_are_none_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "KEPT", 10)
    for number in range(100):
        with pytest.raises(ModelNotFound):
            names.find(SCENE, ANYONE, f"nothing-{number}", "chat")
    assert len(SCENE.meanings) <= 10
