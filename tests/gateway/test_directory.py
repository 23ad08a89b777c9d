"""What can be called now, and what is known of it."""

import re
from typing import Any

import pytest
from msgspec import structs

from gateway import directory
from gateway.bearers import Bearer
from gateway.directory import Entry
from gateway.formats.types import Quirks
from gateway.snapshot import Connection, Modalities, Principal, Snapshot
from tests.gateway.configured import ANYONE, combo, connection, model, provider, snapshot

TEXT = Modalities(("text",), ("text",))
SEEING = Modalities(("text", "image"), ("text",))


def listed(configured: Snapshot, principal: Principal = ANYONE) -> list[str]:
    """Without `auto` and its kin."""
    found = directory.of(configured).names(configured, principal)
    return [name for name in found if not name.startswith("auto")]


def known(name: str, **more: Any) -> Any:
    return model(
        name, context_window=8000, modalities=SEEING, has=frozenset({"tools", "images"}), **more
    )


def test_what_is_known_of_a_model_is_told_of_its_aliases_too() -> None:
    quirks = Quirks(max_output_tokens=500)
    configured = snapshot(provider("mk", known("mk/m", quirks=quirks)), aliases={"smart": "mk/m"})
    expect = Entry(
        "smart", "mk", "chat", 8000, 500, SEEING, frozenset({"tools", "images"}), frozenset()
    )
    assert directory.of(configured).entries["smart"] == expect


def test_of_a_combo_is_told_what_all_its_targets_have() -> None:
    configured = snapshot(
        provider("a", known("a/m", quirks=Quirks(max_output_tokens=900))),
        provider(
            "b",
            model("b/m", context_window=4000, modalities=TEXT, has=frozenset({"tools"}),
                  lacks=frozenset({"audio"})),
        ),
        combo("inner", "b/m"),
        combo("both", "a/m", "inner"),
    )  # fmt: skip
    assert directory.of(configured).entries["both"] == Entry(
        "both", "omniroute", "chat", 4000, 900, TEXT, frozenset({"tools"}), frozenset({"audio"})
    )


def test_nothing_is_made_up_of_a_model_that_is_only_named() -> None:
    configured = snapshot(provider("mk", accounts=[connection("c", "private")]))
    assert directory.of(configured).entries["mk/private"] == Entry("mk/private", "mk")


@pytest.mark.parametrize(
    ("accounts", "expect"),
    [
        ([connection("all")], ["best", "smart", "mk/m1", "mk/m2"]),
        ([connection("one", "m1")], ["best", "smart", "mk/m1"]),
        ([connection("other", "m2")], ["mk/m2"]),
        ([], []),
    ],
)
def test_only_what_an_active_connection_serves_is_listed(
    accounts: list[Connection], expect: list[str]
) -> None:
    made = structs.replace(
        provider("mk", model("mk/m1"), model("mk/m2")), connections=tuple(accounts)
    )
    configured = snapshot(made, combo("best", "mk/m1"), aliases={"smart": "mk/m1", "x-*": "mk/m1"})
    assert listed(configured) == expect


def test_a_key_sees_what_it_may_call() -> None:
    configured = snapshot(
        provider("mk", model("mk/m1"), model("mk/m2")), combo("best", "mk/m2"),
        aliases={"smart": "mk/m1"},
    )  # fmt: skip
    narrow = Principal(name="narrow", allowed=re.compile("mk/m1"))
    assert listed(configured, narrow) == ["smart", "mk/m1"]
    assert listed(configured, Principal(name="b", allowed=re.compile("best"))) == ["best"]


def test_it_is_worked_out_once() -> None:
    configured = snapshot(provider("mk", model("mk/m1")))
    assert directory.of(configured) is directory.of(configured)


def test_an_account_that_has_to_be_signed_in_again_serves_nothing_until_then() -> None:
    bearer = Bearer(1)
    configured = snapshot(
        provider("a", model("a/m"), accounts=[connection("a", bearer=bearer)]),
        provider("b", model("b/m")),
        combo("only", "a/m"),
        combo("both", "a/m", "b/m"),
        aliases={"smart": "a/m"},
    )
    whole = ["only", "both", "smart", "a/m", "b/m"]
    assert listed(configured) == whole
    bearer.needs_login = "the refresh token was refused"
    assert listed(configured) == ["both", "b/m"]
    bearer.needs_login = ""
    assert listed(configured) == whole


def test_a_models_own_name_means_the_same_before_and_after_a_login() -> None:
    bearer = Bearer(1, needs_login="the refresh token was refused")
    configured = snapshot(
        provider("a", model("a/m"), accounts=[connection("a", bearer=bearer)]),
        provider("b", model("b/m")),
    )
    assert directory.index(configured).bare["m"] == ("a/m", "b/m")
