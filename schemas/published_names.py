"""Names of classes in the generated documents, which generated clients take over."""


def publish_as(cls: type, name: str | None) -> None:
    """Give a class the name that documents know it by, whatever the Python source calls it; None changes nothing.

    pydantic and FastAPI make titles, `$defs` and components from `__name__` and `__qualname__`.
    """
    if name is not None:
        cls.__name__ = cls.__qualname__ = name
        type.__setattr__(cls, "published_as", name)
