"""The generated documents name records and enumerations as `published_as` says, whatever their classes are called."""

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import schemas
from schemas.record_base import Named, PublishedRecord
from schemas.statuses import DescribedEnum
from tests.support.repository import ROOT

DOCS = ROOT / "docs"
OPENAPI = json.loads((DOCS / "openapi.json").read_text("utf-8"))
SCHEMAS = [json.loads(path.read_text("utf-8")) for path in sorted((DOCS / "schemas").glob("*.json"))]


class Color(DescribedEnum):
    RED = "red", "as a rose"


class Flower(PublishedRecord):
    color: Color


class Bunch(PublishedRecord):
    flowers: list[Flower]


class RenamedColor(DescribedEnum, published_as="Color"):
    RED = "red", "as a rose"


class RenamedFlower(PublishedRecord, published_as="Flower"):
    color: RenamedColor


class RenamedBunch(PublishedRecord, published_as="Bunch"):
    flowers: list[RenamedFlower]


class Vase(RenamedBunch):
    pass


def classes(base: type) -> Iterator[type]:
    """Every class below a base."""
    for each in base.__subclasses__():
        yield each
        yield from classes(each)


def test_a_class_with_another_name_has_the_same_schema() -> None:
    assert RenamedBunch.model_json_schema() == Bunch.model_json_schema()


def test_a_class_does_not_inherit_the_published_name() -> None:
    assert Vase.model_json_schema()["title"] == "Vase"


def test_every_name_in_the_documents_is_fixed() -> None:
    components: dict[str, Any] = OPENAPI["components"]["schemas"]
    named = {*components, *(one["title"] for one in (*SCHEMAS, *components.values()))}
    named.update(name for schema in SCHEMAS for name in schema.get("$defs", {}))

    for module in pkgutil.iter_modules(schemas.__path__):
        import_module(f"schemas.{module.name}")
    product = [
        each for base in (Named, DescribedEnum) for each in classes(base) if each.__module__.startswith("schemas.")
    ]
    assert named == {vars(each)["published_as"] for each in product if "published_as" in vars(each)}
