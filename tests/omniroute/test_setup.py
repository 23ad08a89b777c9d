"""Setup: every tool's settings are right, keys are made by who may, and the first request is seen."""

import ast
import json
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client as Browser

from accounts import keys, roles
from accounts.models import ApiKey, User
from analytics import ids, records
from omniroute.console import clients
from omniroute.console.clients import Part, Place, filled
from tests.factories import ConnectionFactory, ProviderModelFactory, UserFactory

PLAIN = Place("https://gateway.example:8443", "sk-omni-0123", "mk/plain")
AWKWARD = Place("https://gateway.example", "sk-omni-0123", 'it\'s "a" $model\\with `all`')
NAMED = {"Claude Code", "Codex", "Gemini CLI", "OpenCode", "Qwen Code", "Crush", "Cline", "Continue", "Cursor",
         "Aider", "Open WebUI", "OpenAI SDK", "Anthropic SDK", "Google Gen AI SDK", "LangChain",
         "Vercel AI SDK"}  # fmt: skip
PARTS = [(client, at) for client in clients.clients() for at in range(len(client.parts))]


def strings(part: Part) -> list[str]:
    """All strings that whoever reads the part gets out of it. Raises where it is no such language."""
    match part.language:
        case "":
            return list(part.fields.values())
        case "json":
            return list(_leaves(json.loads(part.text)))
        case "toml":
            return list(_leaves(tomllib.loads(part.text)))
        case "yaml":
            return list(_leaves(yaml.safe_load(part.text)))
        case "python":
            tree = ast.walk(ast.parse(part.text))
            return [str(n.value) for n in tree if isinstance(n, ast.Constant)]
        case "sh":
            subprocess.run(["bash", "-n"], input=part.text, text=True, check=True)
            return _after_the_shell(part.text)
        case "typescript":
            return _literals(part.text)
    raise AssertionError(part.language)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield str(value)


def _after_the_shell(text: str) -> list[str]:
    """What variables and arguments are, once a shell has read them; no program is called."""
    names = re.findall(r"^export (\w+)=", text, re.MULTILINE)
    script = 'command_not_found_handle() { shift; printf "%s\\0" "$@"; }; PATH=/nowhere\n' + text
    script += "".join(f'printf "%s\\0" "${name}"\n' for name in names)
    bash = shutil.which("bash")
    done = subprocess.run([str(bash), "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")


def _literals(text: str) -> list[str]:
    found, at = [], 0
    while (at := text.find('"', at)) >= 0:
        value, end = json.JSONDecoder().raw_decode(text, at)
        found.append(value)
        at = end
    return found


def test_every_tool_is_there_once() -> None:
    names = [client.name for client in clients.clients()]
    assert sorted(names) == sorted(NAMED)
    assert {client.kind for client in clients.clients()} == set(clients.KINDS)


@pytest.mark.parametrize("place", [PLAIN, AWKWARD], ids=["plain", "awkward"])
@pytest.mark.parametrize("client", clients.clients(), ids=lambda client: client.id)
def test_settings_name_address_key_and_model_and_are_in_their_language(
    client: clients.Client, place: Place
) -> None:
    parts = filled(client, place)
    told = [text for part in parts for text in strings(part)]
    assert "{{" not in "".join([*(part.text for part in parts), *told])
    assert any(text in (place.url, f"{place.url}/v1") for text in told)
    assert place.key in told
    assert any(text.endswith(place.model) for text in told)


@pytest.mark.parametrize("client", clients.clients(), ids=lambda client: client.id)
def test_a_file_that_a_command_names_is_one_that_was_to_be_written(client: clients.Client) -> None:
    written = {title for part in client.parts for title in part.title.split()}
    commands = "\n".join(part.text for part in client.parts if part.language == "sh")
    assert set(re.findall(r"~/\S+", commands)) <= written


NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node reads the TypeScript")
@pytest.mark.parametrize(
    ("client", "at"),
    [(c, at) for c, at in PARTS if c.parts[at].language == "typescript"],
    ids=lambda value: getattr(value, "id", value),
)
def test_typescript_is_read_by_node(client: clients.Client, at: int, tmp_path: Path) -> None:
    file = tmp_path / "part.mjs"
    file.write_text(filled(client, AWKWARD)[at].text)
    subprocess.run([str(NODE), "--check", str(file)], check=True)


# --- The page ------------------------------------------------------------------------------------


def signed_in(role: str, name: str = "") -> Browser:
    browser = Browser(headers={"host": "localhost"})
    browser.force_login(UserFactory(username=name or role, role=role))
    return browser


def key_of(owner: str | None, name: str) -> ApiKey:
    user = User.objects.get(username=owner) if owner else None
    row, _ = keys.mint(name=name, owner=user)
    row.save()
    return row


@pytest.mark.django_db
@pytest.mark.parametrize("client", clients.clients(), ids=lambda client: client.id)
def test_every_tool_has_its_page(client: clients.Client) -> None:
    browser = signed_in(roles.VIEWER)
    shown = browser.get(f"/setup/?client={client.id}&model=mk/plain")
    assert shown.status_code == 200
    assert f"<h2>{client.name}</h2>" in shown.content.decode()


@pytest.mark.django_db
def test_a_stranger_is_sent_to_sign_in() -> None:
    for path in ("/setup/", "/setup/waiting/"):
        answer = Browser(headers={"host": "localhost"}).get(path)
        assert answer["location"].startswith("/account/login/")


@pytest.mark.django_db
def test_models_of_the_key_are_offered_and_no_others() -> None:
    browser = signed_in(roles.ADMINISTRATOR)
    model = ProviderModelFactory(name="m1", provider__slug="mk")
    ConnectionFactory(provider=model.provider, api_key="sk-x", name="main")
    wide, narrow = key_of("administrator", "wide"), key_of("administrator", "narrow")
    ApiKey.objects.filter(pk=narrow.pk).update(allowed_models=["other/*"])
    assert '<option value="mk/m1">' in browser.get(f"/setup/?key={wide.pk}").content.decode()
    assert '<option value="mk/m1">' not in browser.get(f"/setup/?key={narrow.pk}").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("role", [roles.ADMINISTRATOR, roles.MEMBER])
def test_a_key_is_made_for_oneself_and_shown_once(role: str) -> None:
    browser = signed_in(role)
    answer = browser.post("/setup/", {"name": "laptop", "client": "codex", "model": "mk/plain"})
    row = ApiKey.objects.get(name=f"{role}/laptop")
    assert row.owner is not None
    assert (row.owner.username, row.scope) == (role, "inference")
    shown = answer.content.decode()
    (secret,) = {word for word in shown.replace("<", ">").split(">") if word.startswith("sk-omni-")}
    assert keys.hash_key(secret) == row.sha256
    assert answer["cache-control"] == "no-store"
    assert secret not in browser.get("/setup/").content.decode()


@pytest.mark.django_db
def test_a_name_that_is_taken_is_told_at_the_field() -> None:
    browser = signed_in(roles.ADMINISTRATOR)
    key_of(None, "administrator/laptop")
    shown = browser.post("/setup/", {"name": "laptop"}).content.decode()
    assert "You have a key of this name." in shown
    assert 'aria-invalid="true"' in shown
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("role", [roles.VIEWER, roles.OPERATOR])
def test_who_may_not_make_keys_makes_none(role: str) -> None:
    browser = signed_in(role)
    assert "Make a key now" not in browser.get("/setup/").content.decode()
    browser.post("/setup/", {"name": "mine"})
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "makes"), [(roles.MEMBER, True), (roles.VIEWER, False), (roles.OPERATOR, False)]
)
def test_the_playground_sends_nobody_to_make_a_key_who_may_not(role: str, makes: bool) -> None:
    page = signed_in(role).get("/playground/").content.decode()
    assert "You have no API key" in page
    assert ("Make a key" in page) is makes
    assert ("An administrator makes" in page) is not makes


@pytest.mark.django_db
def test_a_member_sees_the_names_of_own_keys_alone() -> None:
    member, viewer = signed_in(roles.MEMBER), signed_in(roles.VIEWER)
    key_of("member", "own")
    other = key_of(None, "others")
    assert "others" not in member.get("/setup/").content.decode()
    assert "others" in viewer.get("/setup/").content.decode()
    assert member.get(f"/setup/waiting/?key={other.pk}").status_code == 404


# --- The first request ---------------------------------------------------------------------------


def request_of(key: str, status: int = 200, at: float | None = None) -> str:
    now = time.time() if at is None else at
    id = ids.new_id(now)
    records.insert([records.encode(records.Record(
        id=id, time=records.timestamp(now), key=key, user="member", client_format="openai_chat",
        path="/v1/chat/completions", stream=True, requested_model="mk/plain", status=status,
        outcome="ok" if status == 200 else "error", error="" if status == 200 else "<b>no</b> such model",
        first_byte_ms=1, duration_ms=2, bytes_in=3, bytes_out=4,
    ))])  # fmt: skip
    return id


@pytest.mark.django_db
def test_the_first_request_since_the_page_was_opened_turns_it_green() -> None:
    browser = signed_in(roles.MEMBER)
    key = key_of("member", "own")
    opened = round(time.time() * 1000) - 1000
    path = f"/setup/waiting/?key={key.pk}&since={opened}"
    request_of("own", at=time.time() - 3600)
    request_of("another")
    assert browser.get(path).status_code == 204
    failed = request_of("own", 404)
    shown = browser.get(path).content.decode()
    assert "was not answered (404)" in shown
    assert "&lt;b&gt;no&lt;/b&gt; such model" in shown
    assert browser.get(f"{path}&seen={failed}").status_code == 204
    request_of("own")
    shown = browser.get(f"{path}&seen={failed}").content.decode()
    assert "It works" in shown
    assert "hx-get" not in shown  # and nobody asks any more


@pytest.mark.django_db
@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 30, "²"])
def test_a_time_that_is_none_harms_nothing(since: str) -> None:
    browser = signed_in(roles.MEMBER)
    key = key_of("member", "own")
    path = f"/setup/waiting/?key={key.pk}&since={since}"
    assert browser.get(path).status_code == 204
