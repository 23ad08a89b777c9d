"""The management API: the same functions as files and Admin, one shape of error, no secret out."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts import keys, roles
from accounts.models import User
from analytics import ids, records
from providers.models import Connection, Provider

pytestmark = pytest.mark.django_db

SECRET = "sk-up-canary-5e1f"
LOCAL = {"id": "local", "alias": "local", "base_url": "https://models.example/v1"}
MAIN = {"name": "main", "provider": "local", "auth": {"api_key": SECRET}}


def client_of(role: str, scope: str = "manage") -> Client:
    owner = User.objects.create_user(f"{role}-{scope}", password="x", role=role)
    row, key = keys.mint(name=f"{role}-{scope}", owner=owner, scope=scope)
    row.save()
    return Client(headers={"authorization": f"Bearer {key}", "host": "localhost"})


@pytest.fixture
def admin() -> Client:
    return client_of(roles.ADMINISTRATOR)


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(
        f"/api{path}", json.dumps(body) if body is not None else "", content_type="application/json"
    )


def test_what_is_created_can_be_read_changed_and_deleted(admin: Client) -> None:
    assert send(admin, "post", "/providers", LOCAL).status_code == 201
    assert send(admin, "post", "/connections", MAIN).status_code == 201
    shown = send(admin, "get", "/connections/main").json()
    assert shown["auth"] == {"type": "api_key", "api_key": "********"}
    assert send(admin, "patch", "/connections/main", {"priority": 7}).json()["priority"] == 7
    row = Connection.objects.get(name="main")
    assert (row.priority, row.read_auth()) == (7, {"api_key": SECRET})
    model = {"id": "local/a/b", "input_price": 1}
    assert send(admin, "post", "/models", model).status_code == 201
    assert send(admin, "get", "/models/local/a/b").json()["input_price"] == 1.0
    combo = {"name": "best", "targets": [{"model": "local/a/b"}]}
    assert send(admin, "post", "/combos", combo).json()["targets"] == [{"model": "local/a/b"}]
    assert send(admin, "delete", "/connections/main").status_code == 204
    assert send(admin, "get", "/connections/main").status_code == 404


def test_a_key_is_shown_when_it_is_made_and_never_again(admin: Client) -> None:
    made = send(admin, "post", "/keys", {"name": "new"}).json()
    assert made["key"].startswith("sk-omni-")
    assert "key" not in send(admin, "get", "/keys/new").json()


def test_no_answer_holds_a_secret(admin: Client) -> None:
    send(admin, "post", "/providers", LOCAL)
    answers = [send(admin, "post", "/connections", MAIN), send(admin, "get", "/connections")]
    assert all(SECRET not in answer.content.decode() for answer in answers)


def test_another_host_needs_the_key_again(admin: Client) -> None:
    send(admin, "post", "/providers", LOCAL)
    send(admin, "post", "/connections", MAIN)
    answer = send(admin, "patch", "/connections/main", {"base_url": "https://evil.example/v1"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "base_url"
    assert Connection.objects.get().base_url == ""


ERRORS = [
    ("get", "/nothing", None, 404),
    ("put", "/providers", None, 405),
    ("post", "/providers", {"id": "x"}, 400),
    ("post", "/providers", LOCAL | {"surprise": 1}, 400),
    ("post", "/providers", LOCAL | {"base_url": "http://10.0.0.1/v1"}, 400),
    ("post", "/providers", LOCAL | {"format": "cursor_connect"}, 400),
    ("get", "/logs?limit=0", None, 400),
    ("get", "/logs?since=yesterday", None, 400),
    ("get", "/connections/none", None, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), ERRORS)
def test_every_error_has_the_one_shape(
    admin: Client, method: str, path: str, body: Any, status: int
) -> None:
    answer = send(admin, method, path, body)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "\ud800", "[1]"])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_what_is_no_json_object_is_told_in_the_one_shape(
    admin: Client, method: str, body: str
) -> None:
    send(admin, "post", "/providers", LOCAL)
    path = "/api/providers" if method == "post" else "/api/providers/local"
    told = body.encode(errors="surrogatepass")
    answer = getattr(admin, method)(path, told, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a\r\nx-b": "1"},
        {"x-a": "1\r\nx-b: 2"},
        {"x-a:": "1"},
        {"": "1"},
        {"Transfer-Encoding": "chunked"},
        {"content-length": "0"},
    ],
)
def test_a_header_can_neither_end_itself_nor_the_request(
    admin: Client, headers: dict[str, str]
) -> None:
    send(admin, "post", "/providers", LOCAL)
    answer = send(admin, "post", "/connections", MAIN | {"headers": headers})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "headers")


def test_who_sends_two_keys_is_not_told_which_of_them_is_good(admin: Client) -> None:
    assert admin.get("/api/connections").status_code == 200
    answer = admin.get("/api/connections", headers={"x-api-key": "another"})
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "the request carries two different API keys"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"authorization": "Bearer nope"}, 401), ({"x-api-key": "'; --"}, 401)],
)
def test_nobody_gets_in(headers: dict[str, str], status: int) -> None:
    answer = Client(headers={"host": "localhost", **headers}).get("/api/connections")
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "authentication_error")


def test_an_inference_key_manages_nothing() -> None:
    client = client_of(roles.ADMINISTRATOR, scope="inference")
    assert send(client, "get", "/connections").status_code == 403


MAY = [
    (roles.OPERATOR, "post", "/providers", LOCAL, 201),
    (roles.OPERATOR, "post", "/keys", {"name": "k"}, 403),
    (roles.VIEWER, "get", "/connections", None, 200),
    (roles.VIEWER, "post", "/providers", LOCAL, 403),
    (roles.MEMBER, "get", "/connections", None, 403),
    (roles.MEMBER, "get", "/logs", None, 200),
]


@pytest.mark.parametrize(("role", "method", "path", "body", "status"), MAY)
def test_a_role_may_what_its_table_says(
    role: str, method: str, path: str, body: Any, status: int
) -> None:
    assert send(client_of(role), method, path, body).status_code == status


def test_a_session_needs_its_csrf_token() -> None:
    User.objects.create_user("ops", password="x", role=roles.ADMINISTRATOR)
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(User.objects.get(username="ops"))
    assert send(client, "get", "/providers").status_code == 200
    assert send(client, "post", "/providers", LOCAL).status_code == 403
    assert not Provider.objects.filter(slug="local").exists()


def log(second: int, **fields: Any) -> str:
    told: dict[str, Any] = {
        "outcome": "ok", "status": 200, "key": "laptop", "cost_picousd": 138_000_000,
    } | fields  # fmt: skip
    row = records.Record(
        id=ids.new_id(1_800_000_000 + second),
        time=records.timestamp(1_800_000_000 + second),
        client_format="openai_chat",
        path="/v1/chat/completions",
        **told,
    )
    records.insert([records.encode(row)])
    return row.id


def test_the_log_is_paged_by_key_newest_first(admin: Client) -> None:
    made = [log(second) for second in range(5)]
    first = send(admin, "get", "/logs?limit=3").json()
    assert [item["id"] for item in first["items"]] == made[:1:-1]
    second = send(admin, "get", f"/logs?limit=3&before={first['next']}").json()
    assert [item["id"] for item in second["items"]] == made[1::-1]
    assert second["next"] is None


def test_an_item_is_what_the_contract_says(admin: Client) -> None:
    log(0, cost_picousd=138_000_000, input_tokens=10, usage_source="reported")
    item = send(admin, "get", "/logs").json()["items"][0]
    assert item["time"] == "2027-01-15T08:00:00.000Z"
    assert item["cost_usd"] == "0.000138"
    assert item["error"] is None
    assert item["usage"] == {
        "input_tokens": 10, "output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0,
        "reasoning_tokens": 0, "source": "reported",
    }  # fmt: skip


def test_the_log_is_filtered(admin: Client) -> None:
    log(0), log(100, outcome="error", status=502)
    found = send(admin, "get", "/logs?outcome=error&status=502&since=2027-01-15T08:01:00Z").json()
    assert [item["status"] for item in found["items"]] == [502]


def test_a_setting_that_is_null_is_emptied(admin: Client) -> None:
    told = {"thinking": "fixed", "thinking_budget": 4000}
    assert send(admin, "patch", "/settings", told).json()["thinking_budget"] == 4000
    answer = send(admin, "patch", "/settings", {"thinking": "off", "thinking_budget": None})
    assert (answer.json()["thinking"], answer.json()["thinking_budget"]) == ("off", None)
    refused = send(admin, "patch", "/settings", {"thinking": "fixed"})
    assert "a fixed budget needs its tokens" in refused.json()["error"]["message"]
    assert send(admin, "patch", "/settings", {"cache_ttl_s": None}).status_code == 400


def test_usage_adds_up_exactly(admin: Client) -> None:
    for second in range(3):
        log(second, cost_picousd=100_000_000_001, model="mk/m")
    assert send(admin, "get", "/usage?group=model").json()["items"] == [
        {
            "model": "mk/m", "requests": 3, "errors": 0, "unpriced": 0,
            "input_tokens": 0, "output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0,
            "reasoning_tokens": 0, "cost_usd": "0.300000000003", "flat_rate_usd": "0",
            "saved_by_cache_usd": "0",
        }
    ]  # fmt: skip


def test_usage_by_tag_counts_a_request_for_each_of_its_tags(admin: Client) -> None:
    for second, tags in enumerate(('["web","prod"]', '["web"]', "[]")):
        log(second, cost_picousd=10**12, input_tokens=3, tags=tags)
    items = send(admin, "get", "/usage?group=tag").json()["items"]
    assert [(item["tag"], item["requests"], item["cost_usd"]) for item in items] == [
        ("prod", 1, "1"), ("web", 2, "2"),
    ]  # fmt: skip


def test_the_log_is_filtered_by_whole_tags(admin: Client) -> None:
    made = [log(n, tags=tags) for n, tags in enumerate(('["web"]', '["website"]', "[]"))]
    found = send(admin, "get", "/logs?tag=web").json()
    assert [item["id"] for item in found["items"]] == made[:1]


def test_the_documentation_needs_no_other_host(admin: Client) -> None:
    page = admin.get("/api/docs").content.decode()
    assert "https://" not in page.replace("https://www.w3.org", "")
    assert admin.get("/api/openapi.json").json()["info"]["title"] == "OmniRoute"
