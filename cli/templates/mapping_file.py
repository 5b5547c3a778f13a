"""Reads a mapping: the templates of vendors that say the same as a stored template, by the name of the provider."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cli.errors import UsageError
from core.variable_names import normalise_name
from core.vendor_template import VendorTemplate, VendorTemplates
from schemas.requests import ProviderName
from schemas.validation_errors import path_of, read_problems
from schemas.variables import Name

MAX_PROVIDERS = 20
"""Maximum number of providers in a mapping. Each request that uses the template stores it."""
MAX_PARAMETERS = 50
"""Maximum number of parameters of a vendor template."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain line breaks or other control characters")
    return text


class _Entry(BaseModel):
    """Vendor template as the file writes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    template_code: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
    sign_name: Annotated[str, Field(max_length=64), AfterValidator(_printable)] = ""
    parameter_order: Annotated[list[Name], Field(max_length=MAX_PARAMETERS)] = []


_MAPPING = TypeAdapter(Annotated[dict[ProviderName, _Entry], Field(max_length=MAX_PROVIDERS)])


def parse_mapping(text: str) -> VendorTemplates:
    """Return the mapping of a JSON document. Raises UsageError, which names the field and never repeats its value."""
    try:
        entries = _MAPPING.validate_json(text)
    except ValidationError as error:
        problem = read_problems(error)[0]
        where = "the name of a provider" if problem.in_key else path_of(problem.shown_location)
        raise UsageError(f"--mapping-file: {where}{where and ': '}{problem.phrase}") from None
    return {
        provider: VendorTemplate(
            entry.template_code,
            entry.sign_name,
            tuple(normalise_name(name) or name for name in entry.parameter_order),
        )
        for provider, entry in entries.items()
    }
