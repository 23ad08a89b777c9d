"""For every row of the catalogue: where other kinds of model than chat are asked."""

from typing import Any

import pytest
from django.db import transaction

from gateway import routing
from gateway.formats.kinds import KINDS
from gateway.snapshot import Snapshot
from providers import rows, served
from tests.providers.contract.rows import KEY, connected

pytestmark = pytest.mark.django_db  # which is made for tests with this mark

CLIENTS = {kind.name: next(iter(kind.clients)) for kind in KINDS.values()}
BEARER = ("authorization", f"Bearer {KEY}")


@pytest.fixture(scope="module")
def snapshot(django_db_setup: None, django_db_blocker: Any) -> Snapshot:
    with django_db_blocker.unblock(), transaction.atomic():
        built = connected()
        transaction.set_rollback(True)
    return built


def target(snapshot: Snapshot, name: str, kind: str) -> routing.Target:
    return routing.resolve(snapshot, snapshot.anyone, name, CLIENTS[kind]).targets[0]


SERVED = [
    (row.alias, kind, next((m.name for m in row.models if m.kind == kind and not m.retired), ""))
    for row in rows.read()
    for kind in served.kinds("", [{"kind": e.kind, "dialect": e.dialect} for e in row.endpoints])
    if kind != "chat" and row.status != "retired" and row.id != "demo"
]


@pytest.mark.parametrize(
    ("alias", "kind", "model"), [each for each in SERVED if each[2]], ids=lambda each: str(each)
)
def test_a_listed_model_has_an_address(
    snapshot: Snapshot, alias: str, kind: str, model: str
) -> None:
    found = target(snapshot, f"{alias}/{model}", kind)
    assert found.url.scheme in ("http", "https")
    assert found.url.host
    assert not {"{", "}", "|"} & set(str(found.url))
    assert found.format.NAME in KINDS[kind].upstreams


def test_every_kind_has_its_providers() -> None:
    named = [kind for _, kind, _ in SERVED]
    least = {
        "transcription": 25,
        "embedding": 55,
        "rerank": 20,
        "moderation": 3,
        "image": 30,
        "speech": 15,
    }
    assert [kind for kind in KINDS if named.count(kind) < least[kind]] == []


# As their vendors document them.
ADDRESSES = [
    ("openai/text-embedding-3-small", "embedding", "https://api.openai.com/v1/embeddings", BEARER),
    ("gemini/gemini-embedding-001", "embedding",
     "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents",
     ("x-goog-api-key", KEY)),
    ("voyage/voyage-3.5", "embedding", "https://api.voyageai.com/v1/embeddings", BEARER),
    ("voyage/rerank-2.5", "rerank", "https://api.voyageai.com/v1/rerank", BEARER),
    ("cohere/embed-english-v3.0", "embedding", "https://api.cohere.com/v2/embed", BEARER),
    ("nvidia/nvidia/nv-rerankqa-mistral-4b-v3", "rerank",
     "https://ai.api.nvidia.com/v1/retrieval/nvidia/nv-rerankqa-mistral-4b-v3/reranking", BEARER),
    ("groq/whisper-large-v3", "transcription",
     "https://api.groq.com/openai/v1/audio/transcriptions", BEARER),
    ("dg/nova-3", "transcription", "https://api.deepgram.com/v1/listen",
     ("authorization", f"Token {KEY}")),
    ("aai/universal-2", "transcription", "https://api.assemblyai.com/v2/transcript",
     ("authorization", KEY)),
    ("el/scribe_v2", "transcription", "https://api.elevenlabs.io/v1/speech-to-text",
     ("xi-api-key", KEY)),
    ("recraft/recraftv3", "image", "https://external.api.recraft.ai/v1/images/generations",
     BEARER),
    ("bfl/flux-2-pro", "image", "https://api.bfl.ai/v1/flux-2-pro", ("x-key", KEY)),
    ("azure/text-embedding-3-small", "embedding",
     "https://my-resource.openai.azure.com/openai/v1/embeddings", ("api-key", KEY)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "url", "header"), ADDRESSES, ids=lambda each: str(each))
def test_the_address_and_the_key_are_the_vendors(
    snapshot: Snapshot, name: str, kind: str, url: str, header: tuple[str, str]
) -> None:
    found = target(snapshot, name, kind)
    assert str(found.url) == url
    assert header in found.request_headers(found.url, b"").items()


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("openai/whisper-1", "openai_translations"),
        ("groq/whisper-large-v3", "openai_translations"),
        ("mistral/voxtral-mini-latest", "openai_transcriptions"),  # which refuses to translate
        ("dg/nova-3", "deepgram_transcriptions"),
    ],
)
def test_only_who_translates_is_asked_to(snapshot: Snapshot, name: str, spoken: str) -> None:
    route = routing.resolve(snapshot, snapshot.anyone, name, "openai_translations")
    found = route.targets[0]
    assert spoken == found.format.NAME
    if spoken == "openai_translations":
        assert found.url.path.endswith("/audio/translations")
