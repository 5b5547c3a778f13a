"""Parser of the entries with which receipts are checked. No error shows a value."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import SecretStr, ValidationError

from providers.receipts.receipt_format import ReceiptEntry
from providers.receipts.receipt_kinds import RECEIPT_KINDS
from schemas.validation_errors import Problem, first_lines, path_of, read_problems

MAX_ENTRIES_OF_PROVIDER = 2
"""Maximum number of entries of one provider. A second one lets the old and the new keys count during a change."""
RECEIPT_FIELDS = frozenset(name for kind in RECEIPT_KINDS.values() for name in kind.entry.model_fields)
"""Names of the fields of all kinds."""
_GIVEN_BY_PROVIDER = ("kind", "provider")
_PHRASES = {"missing": "is required", "extra_forbidden": "is not a field of its kind"}
_SECRET_LENGTH = re.compile(r"value should have at (least|most) ([0-9]+) items?\b.*")
"""Phrase of pydantic about the length of a secret. It goes on with the length that was given."""


def parse_receipts(value: Any, known_problems: Sequence[str] = ()) -> tuple[ReceiptEntry, ...]:
    """Validate the list of the settings. Raises ValueError with one line per problem."""
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of at least one entry")
    entries, problems = [], list(known_problems)
    for number, item in enumerate(value, 1):
        try:
            entries.append(_parse_entry(item))
        except ValueError as error:
            problems += [f"entry {number}: {line}" for line in str(error).splitlines()]
    problems += _contradictions(entries)
    if problems:
        raise ValueError("\n".join(first_lines(problems)))
    return tuple(entries)


def parse_tenant_receipts(kind: str, name: str, value: Any) -> ReceiptEntry:
    """Validate the keys of a provider that a tenant manages itself: the fields of its kind but `kind` and `provider`.

    Raises ValueError with one line per problem. Each line begins with `receipts`. Names that are not known are hidden.
    """
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004  # Callers catch one type.
            "receipts: must be an object with the keys for receipts"
        )
    given = [field for field in _GIVEN_BY_PROVIDER if field in value]
    problems = [f"receipts.{field}: must not be given. It is that of the provider." for field in given]
    model = RECEIPT_KINDS[kind].entry
    try:
        entry = model.model_validate({**value, "kind": kind, "provider": name})
    except ValidationError as error:
        problems += [
            f"{path_of(('receipts', *problem.shown_location))}: {_phrase(problem, model)}"
            for problem in read_problems(error)
        ]
    if problems:
        raise ValueError("\n".join(problems))
    return entry


def _parse_entry(item: Any) -> ReceiptEntry:
    if not isinstance(item, dict):
        raise ValueError("must be a table")  # noqa: TRY004  # Callers catch one type.
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in RECEIPT_KINDS:
        raise ValueError(f"kind must be one of {', '.join(RECEIPT_KINDS)}")
    model = RECEIPT_KINDS[kind].entry
    try:
        return model.model_validate(item)
    except ValidationError as error:
        raise ValueError("\n".join(_describe(problem, model) for problem in read_problems(error))) from None


def _describe(problem: Problem, model: type[ReceiptEntry]) -> str:
    path, phrase = path_of(problem.location), _phrase(problem, model)
    return f"{path}: {phrase}" if path else phrase


def _phrase(problem: Problem, model: type[ReceiptEntry]) -> str:
    field = model.model_fields.get(str(problem.location[0])) if problem.location else None
    if field and SecretStr.__name__ in str(field.annotation):
        return _SECRET_LENGTH.sub(r"must have at \1 \2 characters", _PHRASES.get(problem.kind, problem.phrase))
    return _PHRASES.get(problem.kind, problem.phrase)


def _contradictions(entries: Sequence[ReceiptEntry]) -> Iterator[str]:
    for provider, number in sorted(Counter(entry.provider for entry in entries).items()):
        if number > MAX_ENTRIES_OF_PROVIDER:
            yield f"provider {provider} has {number} entries. At most {MAX_ENTRIES_OF_PROVIDER} are allowed."
        if len({entry.kind for entry in entries if entry.provider == provider}) > 1:
            yield f"the entries of provider {provider} must have one kind"
