"""Official SDKs against the gateway; a warning from any of them is an error."""

import warnings
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai

from tests.e2e.gateway import KEY, Gateway


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Of a client that a test leaves to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        # Google's asynchronous client, of the HTTP library beneath it.
        warnings.filterwarnings("ignore", "Inheritance class .* from ClientSession")
        yield


@pytest.fixture(scope="session")
def openai_client(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


@pytest.fixture(scope="session")
def anthropic_client(gateway: Gateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)


@pytest.fixture(scope="session", params=["v1", "v1beta"])
def google_client(request: pytest.FixtureRequest, gateway: Gateway) -> genai.Client:
    options: Any = {"base_url": gateway.url, "api_version": request.param}
    return genai.Client(api_key=KEY, http_options=options)
