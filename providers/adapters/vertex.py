"""Google Vertex AI: the hosts of places that are no single region.

Source: https://github.com/googleapis/python-genai, google/genai/_api_client.py (read 2026-12)
"""

_HOSTS = {
    "global-aiplatform.googleapis.com": "aiplatform.googleapis.com",
    "us-aiplatform.googleapis.com": "aiplatform.us.rep.googleapis.com",
    "eu-aiplatform.googleapis.com": "aiplatform.eu.rep.googleapis.com",
}


def at_its_host(address: str) -> str:
    """The address, which was put together as a region's; any other stays as it is."""
    for regular, host in _HOSTS.items():
        address = address.replace(f"//{regular}/", f"//{host}/")
    return address
