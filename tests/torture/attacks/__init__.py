"""Hostile callers: each attack of row 20, and how one is written.

An attack is a function that does one bout of harm. It is named after what it sends, and repeated until the row ends:

    @attack("why the others could suffer", pause_seconds=0.1)
    async def long_prefer(hostile: HostileTenant) -> None:
        await hostile.post(SMS, {"Prefer": "a" + " " * 14_000 + '"'})

`python -m tests.torture.attack NAME` measures one of them by itself beside a good tenant.
"""
