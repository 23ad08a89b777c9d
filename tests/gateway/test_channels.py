"""A change of the configuration is told to every process, and saving it waits for nobody."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import transaction

from accounts.models import GatewaySettings
from gateway import changes, channels
from gateway.channels import announce, channel
from gateway.state.redis import RedisState
from tests.servers import free_port


def test_channels_are_apart_by_database() -> None:
    assert channel("redis://:secret@host:6379/3", "health") == "omniroute:3:health"
    assert channel("redis://host", "health") == "omniroute:0:health"


async def test_an_announcement_is_heard_by_every_process(redis_url: str, settings: Any) -> None:
    settings.REDIS_URL = redis_url
    heard = [asyncio.Event(), asyncio.Event()]
    states = [RedisState(redis_url) for _ in heard]
    for state, event in zip(states, heard, strict=True):
        state.subscribe(channels.CONFIGURATION, lambda _, event=event: event.set())  # type: ignore[misc]
        await state.start()
    async with asyncio.timeout(5):
        for event in heard:
            while not event.is_set():  # it may not have subscribed yet
                announce()
                await asyncio.sleep(0.01)
    for state in states:
        await state.close()


def test_without_redis_a_change_is_saved_all_the_same(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    announce()
    for thread in threading.enumerate():
        if thread.name == "announce":
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_change_is_announced_when_it_is_committed_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions: list[int] = []
    monkeypatch.setattr(
        changes, "announce", lambda: versions.append(GatewaySettings.objects.get(pk=1).version)
    )
    GatewaySettings.objects.get_or_create(pk=1)
    versions.clear()
    before = GatewaySettings.objects.get(pk=1).version
    with transaction.atomic():
        changes.bump_version()
        assert versions == []
    assert versions == [before + 1]
    with transaction.atomic():
        changes.bump_version()
        transaction.set_rollback(True)
    assert versions == [before + 1]


@pytest.mark.django_db
def test_saving_what_was_read_before_another_change_does_not_take_its_version_back() -> None:
    settings = GatewaySettings.load()
    changes.bump_version()
    version = GatewaySettings.objects.get(pk=1).version
    settings.log_bodies = True
    settings.save()
    saved = GatewaySettings.objects.get(pk=1)
    assert (saved.log_bodies, saved.version) == (True, version + 1)


@pytest.mark.django_db(transaction=True)
def test_a_watcher_that_is_woken_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "POLL_INTERVAL_S", 60)
    GatewaySettings.objects.get_or_create(pk=1)
    watcher = changes.Watcher()
    seen = threading.Event()
    monkeypatch.setattr(watcher, "refresh", seen.set)
    watcher.start()
    watcher.wake()
    assert seen.wait(5)
    watcher.stop()
