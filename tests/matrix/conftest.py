from collections.abc import Iterator

import pytest

from tests.e2e.gateway import KEY, Gateway
from tests.matrix.serving import Vendors
from tests.matrix.vendors import VENDORS


@pytest.fixture(scope="package")
def vendors() -> Iterator[Vendors]:
    vendors = Vendors()
    yield vendors
    vendors.close()


@pytest.fixture(scope="package")
def gateway(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a provider of each format; its alias is made of the format's name."""
    gateway = Gateway(tmp_path_factory.mktemp("matrix"), "--no-worker", "--server", "uvicorn")
    gateway.manage("bootstrap")
    gateway.apply(configuration(vendors))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


# What a provider's row says of models that think; without it they are not asked to, and their
# thoughts do not come back.
QUIRKS = {
    "openai_chat": {"thoughts": "reasoning_details"},
    "cohere_chat": {"reasoning": "budget"},
    "ollama_chat": {"reasoning": "effort"},
}


def configuration(vendors: Vendors) -> dict[str, object]:
    return {
        "providers": [
            {
                "id": f"matrix-{name.replace('_', '-')}",
                "alias": f"to-{name}",  # the catalogue has names of formats too
                "format": name,
                "base_url": vendors.url(name),
                "allow_private_network": True,
                "quirks": QUIRKS.get(name, {}),
            }
            for name in VENDORS
        ],
        "connections": [
            {
                "name": name,
                "provider": f"matrix-{name.replace('_', '-')}",
                "auth": {"type": "none"},
            }
            for name in VENDORS
        ],
        "api_keys": [{"name": "matrix", "key": KEY}],
        "settings": {"ollama_api": True},
    }
