# ruff: noqa: INP001 - a script beside its results, no package
"""Generator of the example recipients. They are not real: numbers like 138 0000 nnnn, mail at example.com."""

import csv
import json
import random
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("Wei", "Fang", "Min", "Jing", "Lei", "Yan", "Tao", "Xia", "Jun", "Mei", "小明", "小红")
BAD_NUMBERS = ("12345", "nobody", "+86 138", "00000000000000000")
BAD_ADDRESSES = ("nobody", "nobody@", "@example.com", "two words@example.com")


def main() -> None:
    """Write both files. The result is the same each time."""
    rng = random.Random(20260102)  # noqa: S311 - examples
    numbers = _with_trouble([f"138{n:08d}" for n in rng.sample(range(10_000), 9_950)], BAD_NUMBERS, 20, 30, rng)
    with (HERE / "sms.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["to", "reference", "name", "order"])
        rows.writerows([to, f"order-{n}", rng.choice(NAMES), 100_000 + n] for n, to in enumerate(numbers, 1))
    addresses = _with_trouble([f"reader{n:04d}@example.com" for n in range(985)], BAD_ADDRESSES, 5, 10, rng)
    with (HERE / "newsletter.jsonl").open("w", encoding="utf-8") as file:
        for n, to in enumerate(addresses, 1):
            line = {"to": to, "reference": f"reader-{n}", "variables": {"name": rng.choice(NAMES)}}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _with_trouble(good: list[str], bad: tuple[str, ...], how_bad: int, repeated: int, rng: random.Random) -> list[str]:
    """Return the good addresses, mixed with `how_bad` bad ones and `repeated` duplicates."""
    mixed = good + [rng.choice(bad) for _ in range(how_bad)] + rng.sample(good, repeated)
    rng.shuffle(mixed)
    return mixed


if __name__ == "__main__":
    main()
