"""What can be called now, for pages that let somebody choose."""

from accounts.models import ApiKey
from gateway import directory, runtime, snapshot
from gateway.formats.kinds import CHAT
from gateway.snapshot import Principal, Snapshot


def current() -> Snapshot:
    """As calls see it in this process; built where it serves none."""
    process = runtime.current()
    return process.snapshot if process else snapshot.build()


def chat_models(configured: Snapshot, principal: Principal) -> list[str]:
    """Models, aliases and combos; what nobody has said the kind of may be a chat."""
    offered = directory.of(configured)
    return [
        name
        for name in offered.names(configured, principal)
        if offered.entries[name].kind in (None, CHAT)
    ]


def chat_models_of(key: ApiKey | None) -> list[str]:
    """For a key; nothing where it is new to the gateway by less than a second."""
    configured = current()
    principal = configured.keys.get(key.sha256) if key else None
    return chat_models(configured, principal) if principal else []
