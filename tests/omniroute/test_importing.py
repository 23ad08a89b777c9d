"""Configuration in and out through Admin: shown first, applied whole, refused at its line."""

import re
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
import yaml
from auditlog.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import keys, roles
from accounts.models import ApiKey, User
from combos.models import Alias, Combo
from omniroute.configuration.places import lines
from providers.models import Connection
from tests.factories import ComboFactory, ConnectionFactory, ProviderFactory, UserFactory

pytestmark = pytest.mark.django_db

SECRET = "sk-up-canary-77be"
PAGE = "/admin/configuration/"
# Ten lines that stand for a thousand million values.
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{of}'] * 10)}]\n" for of, name in pairwise("abcdefghi")
)


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(roles.ADMINISTRATOR)


def sent(client: Client, text: str, button: str = "check") -> str:
    shown = sha256(text.encode()).hexdigest()
    answer = client.post(PAGE, {"text": text, button: "yes", "checked": shown})
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_would_change_is_shown_and_nothing_is_changed(admin: Client) -> None:
    ProviderFactory(slug="local")
    Alias.objects.create(alias="quick", model="local/old")
    before = LogEntry.objects.count()
    page = sent(admin, "aliases: [{alias: quick, model: local/new}, {alias: x, model: local/y}]")
    assert "This would change" in page
    assert "<td>local/old</td><td>local/new</td>" in page
    assert Alias.objects.get().model == "local/old"
    assert LogEntry.objects.count() == before


def test_what_is_applied_is_whole_and_in_the_history(admin: Client) -> None:
    ProviderFactory(slug="local")
    page = sent(admin, "combos: [{name: best, targets: [{model: local/a}]}]", "apply")
    assert "Applied" in page
    assert [str(target) for target in Combo.objects.get(name="best").targets.all()] == ["local/a"]
    entry = LogEntry.objects.get(object_repr="best")
    assert entry.additional_data == {"by": "administrator", "through": "Admin"}


def test_what_was_typed_since_it_was_shown_is_shown_first(admin: Client) -> None:
    ProviderFactory(slug="local")
    text = "aliases: [{alias: quick, model: local/m}]"
    page = admin.post(PAGE, {"text": text, "apply": "yes", "checked": "of another"})
    assert "This would change" in page.content.decode()
    assert not Alias.objects.exists()


def test_one_error_and_nothing_is_changed_and_it_says_in_which_line(admin: Client) -> None:
    ProviderFactory(slug="local")
    text = "aliases:\n- alias: good\n  model: local/m\n- alias: bad\n  model: nowhere/m\n"
    page = sent(admin, text, "apply")
    assert "Line 5, <code>aliases[1].model</code>" in page
    assert "no provider has the alias" in page
    assert not Alias.objects.exists()
    assert "nowhere/m" in page  # the text is still there to be corrected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("aliases: [", "not YAML"),
        ("nonsense: 1", "unknown key"),
        ("- 1", "an object with sections is expected"),
        ("aliases: [{alias: '${SECRET_KEY}', model: x}]", "variables are put in by the command"),
        ("", "Paste a configuration, or choose a file."),
        ("aliases: &a [*a]", "nested too deeply"),
        ("[" * 20_000, "nested too deeply"),
        ("aliases: 2027-13-45", "month must be in 1..12"),
        (f"aliases: {'1' * 5_000}", "not YAML"),
        (BOMB, "more than 1,000,000 values, with what its aliases stand for"),
    ],
)
def test_what_cannot_be_read_is_refused(admin: Client, text: str, words: str) -> None:
    assert words in sent(admin, text)


def test_a_file_is_as_good_as_a_paste(admin: Client) -> None:
    ProviderFactory(slug="local")
    file = SimpleUploadedFile("c.yaml", b"aliases: [{alias: quick, model: local/m}]")
    page = admin.post(PAGE, {"file": file, "check": "yes"}).content.decode()
    assert "This would change" in page
    assert "{alias: quick, model: local/m}" in page
    broken = SimpleUploadedFile("c.yaml", b"\xff\xfe")
    page = admin.post(PAGE, {"file": broken, "check": "yes"}).content.decode()
    assert "The file is not UTF-8 text." in page


def test_a_key_that_is_made_is_shown_once_it_is_applied_and_not_before(admin: Client) -> None:
    whole = re.compile(r"sk-omni-\w{20,}")
    assert not whole.search(sent(admin, "api_keys: [{name: laptop}]"))
    [key] = whole.findall(sent(admin, "api_keys: [{name: laptop}]", "apply"))
    assert ApiKey.objects.get().sha256 == keys.hash_key(key)
    assert not whole.search(admin.get(PAGE).content.decode())


def test_a_secret_is_not_in_the_differences(admin: Client) -> None:
    ProviderFactory(slug="local")
    text = f"connections: [{{name: main, provider: local, auth: {{api_key: {SECRET}}}}}]"
    shown = sent(admin, text, "apply").partition('id="changes"')[2].partition("<form")[0]
    assert "main" in shown
    assert SECRET not in shown
    assert Connection.objects.get().read_auth() == {"api_key": SECRET}


@pytest.mark.parametrize(
    "section",
    [
        "users: [{username: eve, role: administrator}]",
        "api_keys: [{name: mine}]",
        "connections: [{name: main, provider: local, auth: {type: none}}]",
    ],
)
def test_an_operator_imports_neither_users_nor_secrets(section: str) -> None:
    ProviderFactory(slug="local")
    operator = signed_in(roles.OPERATOR)
    assert "the role operator may not change this" in sent(operator, section, "apply")
    assert not Connection.objects.exists()
    assert User.objects.count() == 1
    assert "Applied" in sent(operator, "aliases: [{alias: quick, model: local/m}]", "apply")


def test_a_viewer_neither_imports_nor_exports() -> None:
    row = ConnectionFactory()
    viewer = signed_in(roles.VIEWER)
    assert viewer.get(PAGE).status_code == 403
    assert viewer.get(reverse("configuration-export")).status_code == 403
    listing = reverse("admin:providers_connection_changelist")
    assert "export_yaml" not in viewer.get(listing).content.decode()
    answer = viewer.post(listing, {"action": "export_yaml", "_selected_action": [row.pk]})
    assert answer.headers.get("content-disposition") is None


def exported(client: Client, *rows: Any) -> dict[str, Any]:
    meta = rows[0]._meta
    answer = client.post(
        reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        {"action": "export_yaml", "_selected_action": [row.pk for row in rows]},
    )
    assert answer.headers["content-disposition"].startswith("attachment")
    content: dict[str, Any] = yaml.safe_load(answer.content)
    return content


def test_chosen_rows_are_exported_and_come_back_as_they_were(admin: Client) -> None:
    provider = ProviderFactory(slug="local")
    row = ConnectionFactory(name="main", provider=provider, api_key=SECRET, priority=3)
    ConnectionFactory(name="other", provider=provider)
    told = exported(admin, row)
    assert [entry["name"] for entry in told["connections"]] == ["main"]
    assert SECRET not in str(told)
    page = sent(admin, yaml.safe_dump(told))
    assert "This would change nothing" in page


def test_every_kind_of_row_that_a_document_has_can_be_exported(admin: Client) -> None:
    provider = ProviderFactory(slug="local")
    key, _ = keys.mint(name="laptop", owner=User.objects.get())
    key.save()
    for row, section in [
        (provider, "providers"),
        (ComboFactory(name="best", targets=["local/a"]), "combos"),
        (Alias.objects.create(alias="quick", model="local/m"), "aliases"),
        (key, "api_keys"),
        (User.objects.get(), "users"),
    ]:
        told = exported(admin, row)
        assert list(told) == [section]
        assert "This would change nothing" in sent(admin, yaml.safe_dump(told))


def test_everything_is_exported_with_its_secrets_masked(admin: Client) -> None:
    ConnectionFactory(name="main", api_key=SECRET)
    told = admin.get(reverse("configuration-export")).content.decode()
    assert "main" in told
    assert SECRET not in told


def test_a_path_is_found_in_its_line() -> None:
    text = "combos:\n- name: a\n- name: b\n  targets:\n  - model: x\n  - {model: y}\n"
    paths = ["combos[1].name", "combos[1].targets[1].model", "combos[0].strategy", "users", ""]
    assert lines(text, paths) == [3, 6, 2, None, None]
