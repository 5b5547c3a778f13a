"""Configurations and flaws of all models: the protocol of the ledger, receipts, and suppressions."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.model.check import Graph
from tests.model.configs import ALL, SHORT
from tests.model.flaws import HOLES, MUTATIONS
from tests.model.model import Model
from tests.model.receipts import RECEIPT_FLAWS, RECEIPTS, SHORT_RECEIPTS, ReceiptModel
from tests.model.suppressions import SHORT_SUPPRESSIONS, SUPPRESSION_FLAWS, SUPPRESSIONS, SuppressionModel

Build = Callable[[tuple[str, ...]], Graph[Any]]
"""Builds the model of a configuration with some flaws."""

GRAPHS: dict[str, Build] = {
    **{config.name: partial(Model, config) for config in ALL},
    **{config.name: partial(ReceiptModel, config) for config in RECEIPTS},
    **{config.name: partial(SuppressionModel, config) for config in SUPPRESSIONS},
}
"""Models by configuration."""

SHORT_GRAPHS: dict[str, Build] = {
    **{config.name: partial(Model, config) for config in SHORT},
    **{config.name: partial(ReceiptModel, config) for config in SHORT_RECEIPTS},
    **{config.name: partial(SuppressionModel, config) for config in SHORT_SUPPRESSIONS},
}
"""Models that `make test` searches, in seconds."""

FLAWS = {**MUTATIONS, **RECEIPT_FLAWS, **SUPPRESSION_FLAWS}
"""Flaws that must be found, each with its meaning and its configuration. The holes are beside them."""
ALL_FLAWS = {**FLAWS, **HOLES}
