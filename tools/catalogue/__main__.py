"""Write the files of the catalogue from a folder of facts: `python -m tools.catalogue FOLDER`.

The folder holds `providers.json` and `models.json`. What `hand/` says of a provider or of a model
was checked by hand and wins. Prices that the facts lack come from the package genai-prices, where
it is installed. A file that is no provider's of the facts is left alone.
"""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tools.catalogue import genai, model, provider
from tools.catalogue.write import write

Row = dict[str, Any]
HAND = Path(__file__).parent / "hand"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("providers/catalog"))
    told = parser.parse_args()
    facts = json.loads((told.folder / "providers.json").read_text("utf-8"))
    models = json.loads((told.folder / "models.json").read_text("utf-8"))["models"]
    checked = date.fromisoformat(facts["compiled_on"])
    for row in _rows(facts["providers"], models, checked):
        write(row, told.out / f"{row['id']}.yaml")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    pass


def _rows(providers: list[Row], models: list[Row], checked: date) -> list[Row]:
    found = []
    variables: set[str] = set()
    for facts in providers:
        row = provider.convert(facts) | {"checked": checked}
        if row["env_var"] in variables:
            row["env_var"] = ""  # the first one's: a variable makes one connection
        variables.add(row["env_var"])
        by_hand = _by_hand(row["id"])
        row = _with_hand(row, by_hand)
        lacks = provider.lacks(facts)
        own = [each for each in models if each["provider"] == facts["id"]]
        row["models"] = [model.convert(each, row, lacks) for each in own]
        for each in row["models"]:
            genai.fill(facts["id"], each, checked)
        known = {each["name"]: each for each in row["models"]}
        for told in by_hand.get("models", []):
            known[told["name"]] = _merged(known.get(told["name"], {}), told)
        found.append(row | {"models": list(known.values())})
    return found


def _by_hand(id: str) -> Row:
    path = HAND / f"{id}.yaml"
    told: Row = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    return told


def _with_hand(row: Row, hand: Row) -> Row:
    merged = {name: row[name] | hand.get(name, {}) for name in ("quirks", "oauth")}
    sources = hand.get("sources", row["sources"]) + hand.get("more_sources", [])
    plain = {name: told for name, told in hand.items() if name not in ("models", "more_sources")}
    whole: Row = row | plain | merged | {"sources": sources}
    return whole


def _merged(model: Row, hand: Row) -> Row:
    return {"name": hand["name"]} | model | hand


if __name__ == "__main__":
    main()
