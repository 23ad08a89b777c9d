"""What a client's own request needs of a model; see `gateway.formats.needs`."""

from gateway.formats.needs import Needs, is_effort, members
from gateway.formats.types import JSONDict


def needs(request: JSONDict) -> Needs:
    """Any JSON mode is no schema. Parallel calls are never asked for: there is no word for them."""
    messages = members(request, "messages")
    think, schema = request.get("think"), request.get("format")
    called = any(told.get("role") == "tool" or told.get("tool_calls") for told in messages)
    return Needs(
        tools=called or bool(members(request, "tools")),
        images=any(told.get("images") for told in messages),
        schema=isinstance(schema, dict),
        thinking=think is True or is_effort(think),
    )
