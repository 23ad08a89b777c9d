"""Where in a document's text a path such as `combos[0].name` is."""

import re

import yaml

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def lines(text: str, paths: list[str]) -> list[int | None]:
    """Line numbers, from 1; of what is not there, where it would have to be. Null: nowhere."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return [mark.line + 1 if mark else None for _ in paths]
    except RecursionError:
        return [None for _ in paths]
    return [_line(root, path) for path in paths]


def _line(node: yaml.Node | None, path: str) -> int | None:
    line = None
    for position, name in _STEP.findall(path):
        key: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == name]
            key, node = found[0] if found else (None, None)
        elif isinstance(node, yaml.SequenceNode) and position and int(position) < len(node.value):
            key = node = node.value[int(position)]
        if key is None:
            break
        line = key.start_mark.line + 1
    return line
