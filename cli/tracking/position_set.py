"""Which positions were seen, a bit each: a million of them in 125 KB."""

from core.ids import MAX_INDEX


class PositionSet:
    """A set of (part, index)."""

    def __init__(self) -> None:
        self._parts: dict[int, bytearray] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, part: int, index: int) -> bool:
        """Add a position; whether it was new. An index that no part can have raises ValueError."""
        if not 0 <= index <= MAX_INDEX:
            raise ValueError("no part has this index")
        bits = self._parts.setdefault(part, bytearray())
        byte, bit = index >> 3, 1 << (index & 7)
        if byte >= len(bits):
            # Twice as much as needed, so that growing costs little however many positions come.
            bits.extend(bytes(2 * byte + 1 - len(bits)))
        if bits[byte] & bit:
            return False
        bits[byte] |= bit
        self._size += 1
        return True
