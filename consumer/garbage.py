"""How often Python looks for cycles in this process."""

import gc


def collect_rarely() -> None:
    """Look a tenth as often as Python does by itself, and not among what was imported.

    A part in hand is tens of thousands of small objects, none in a cycle: to walk them again and again took a quarter
    of this process's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
