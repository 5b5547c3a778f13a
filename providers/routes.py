"""Settings of the routes: which providers send to which recipients, and in which order."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.routes import Route, RouteRule, Routes, Target
from providers.entries import ProviderEntry
from schemas.requests import ProviderName
from schemas.statuses import Category, Channel
from schemas.validation_errors import Problem, first_lines, path_of, read_problems

MAX_ROUTES = 1_000
"""Maximum number of routes of an installation."""
_NUMBER = re.compile(r"\+[1-9][0-9]{0,14}")
_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,8}")


class TargetEntry(BaseModel):
    """Provider of a route, as an operator writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: ProviderName
    priority: int = Field(
        default=0, description="order within the route. Those with the lowest number are asked first."
    )
    weight: int = Field(default=1, ge=1, le=1_000, description="share of the windows among equal priorities")


def _in_order(value: Any) -> Any:
    """Read a plain name as a provider whose priority is its place in the list."""
    if not isinstance(value, list):
        return value
    return [{"name": each, "priority": at} if isinstance(each, str) else each for at, each in enumerate(value)]


class RouteEntry(BaseModel):
    """Route, as an operator writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    channel: Channel
    providers: Annotated[tuple[TargetEntry, ...], BeforeValidator(_in_order), Field(min_length=1, max_length=20)] = (
        Field(description="names of providers in their order, or tables of name, priority and weight")
    )
    tenant: str | None = Field(default=None, min_length=1, max_length=64)
    category: Category | None = None
    prefix: str | None = Field(default=None, description="beginning of a number such as +86, or a domain")

    @model_validator(mode="after")
    def _prefix_of_channel(self) -> Self:
        if self.prefix is None:
            return self
        if self.channel is Channel.SMS and not _NUMBER.fullmatch(self.prefix):
            raise ValueError("prefix: must be the beginning of a number, such as +86")
        if self.channel is Channel.EMAIL and not _DOMAIN.fullmatch(self.prefix):
            raise ValueError("prefix: must be a domain in small letters, such as example.org")
        return self

    def rule(self) -> RouteRule:
        """Return the rule that core understands."""
        targets = tuple(Target(each.name, each.priority, each.weight) for each in self.providers)
        return RouteRule(self.channel, Route(targets), self.tenant, self.category, self.prefix)


def parse_routes(value: Any, known_problems: Sequence[str] = ()) -> tuple[RouteEntry, ...]:
    """Validate a list of routes. Raises ValueError with one line per problem."""
    if not isinstance(value, list) or len(value) > MAX_ROUTES:
        raise ValueError(f"must be a list of at most {MAX_ROUTES:,} routes")
    entries, problems = [], list(known_problems)
    for number, item in enumerate(value, 1):
        try:
            entries.append(RouteEntry.model_validate(item))
        except ValidationError as error:
            problems += [f"route {number}: {_describe(problem)}" for problem in read_problems(error, has_unions=False)]
    problems += [f"route {number}: has the same conditions as an earlier one" for number in _repeated(entries)]
    if problems:
        raise ValueError("\n".join(first_lines(problems)))
    return tuple(entries)


def route_problems(routes: Sequence[RouteEntry], providers: Sequence[ProviderEntry]) -> Iterator[str]:
    """Yield a line for each provider of a route that the settings do not have in its channel."""
    known = {(entry.channel, entry.name) for entry in providers}
    for number, route in enumerate(routes, 1):
        for each in route.providers:
            if (route.channel, each.name) not in known:
                yield f"route {number}: there is no provider {each.name} of {route.channel}"


def build_routes(routes: Sequence[RouteEntry]) -> Routes:
    """Return the routes as the consumer uses them."""
    return Routes([route.rule() for route in routes])


def _repeated(entries: Sequence[RouteEntry]) -> Iterator[int]:
    seen = set()
    for number, entry in enumerate(entries, 1):
        conditions = (entry.channel, entry.tenant, entry.category, entry.prefix)
        if conditions in seen:
            yield number
        seen.add(conditions)


def _describe(problem: Problem) -> str:
    path = path_of(problem.location)
    return f"{path}: {problem.phrase}" if path else problem.message
