"""`{resource}`, `{account_id}`, `{location}`: what of an address is the connection's to say."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from django.core.exceptions import ValidationError

from providers.adapters import vertex

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# It becomes part of a host's name, of a path or of a query, and of nothing else.
_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?")
# No credential can stand in a query that has nothing but names and places.
_QUERY = re.compile(r"[A-Za-z0-9_-]+=\{[a-z][a-z0-9_]*\}")


def names(address: str) -> list[str]:
    """The parameters that an address asks for."""
    return list(dict.fromkeys(_PLACE.findall(address)))


def fill(address: str, params: Mapping[str, str]) -> str:
    """The address with its parameters in it; of its query, what has no value is left out.

    Raises:
        ValueError: The path or the host lacks one; it is named.
    """
    path, _, query = address.partition("?")
    missing = [name for name in names(path) if not params.get(name)]
    if missing:
        raise ValueError(f"the address needs the parameter {missing[0]}")
    whole = _put(path, params)
    given = [
        (name, _put(value, params))
        for name, value in parse_qsl(query)
        if all(params.get(asked) for asked in names(value))
    ]
    return f"{whole}?{urlencode(given)}" if given else whole


def fill_known(address: str, params: Mapping[str, str]) -> str:
    """The same, and what has no value stays as it stands."""
    return _put(address, params)


def _put(text: str, params: Mapping[str, str]) -> str:
    return vertex.at_its_host(_PLACE.sub(lambda place: params.get(place[1]) or place[0], text))


def check(params: Mapping[str, str]) -> None:
    """Raises `ValidationError` for a value that would be more than a part of an address."""
    for name, value in params.items():
        if not _PLACE.fullmatch(f"{{{name}}}"):
            raise ValidationError({"params": f"{name}: lower-case letters, digits and _ only"})
        if not _VALUE.fullmatch(value) or ".." in value:
            raise ValidationError({"params": f"{name}: letters, digits and . _ : - only"})


def split_query(address: str) -> tuple[str, str]:
    """An address and its query, which may have nothing but `name={param}` in it.

    Raises:
        ValidationError: For the field `base_url`.
    """
    path, mark, query = address.partition("?")
    if mark and not all(_QUERY.fullmatch(pair) for pair in query.split("&")):
        raise ValidationError({"base_url": "of a query the URL can have name={parameter} only"})
    return path, query
