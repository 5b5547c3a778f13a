"""Names of classes in the generated documents. Generated clients use these names."""


def publish_as(cls: type, name: str | None) -> None:
    """Give a class its name in the documents, so that it may have another name in the source. None changes nothing.

    pydantic and FastAPI make titles, `$defs` and components from `__name__` and `__qualname__`.
    """
    if name is not None:
        cls.__name__ = cls.__qualname__ = name
        type.__setattr__(cls, "published_as", name)
