"""Error for a name in a query string that the route does not have. The name may be an address and is not repeated."""

from collections.abc import Collection

from producer.errors import BadRequestError
from schemas.validation_errors import UNKNOWN


def unknown_parameter(names: Collection[str] = ()) -> BadRequestError:
    """Return the error. `names` are the parameters that the route has."""
    advice = f"Its parameters are {', '.join(sorted(names))}." if names else "It has no parameters."
    return BadRequestError(f"{UNKNOWN}: is not a parameter of this route. {advice}")
