"""What a client's own request needs of a model; see `gateway.formats.needs`."""

from gateway.formats.needs import Needs, is_effort
from gateway.formats.types import JSONDict


def needs(request: JSONDict) -> Needs:
    return Needs(thinking=is_effort(request.get("reasoning_effort")))
