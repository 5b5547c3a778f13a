"""Set of recipient positions with one bit each, so that a million of them need 125 KB."""

from itertools import count, takewhile

from core.ids import MAX_INDEX


class PositionSet:
    """Set of pairs (part, index)."""

    def __init__(self) -> None:
        self._parts: dict[int, bytearray] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def part_sizes(self) -> list[int]:
        """Return the number of positions of each part, from part 0 to the first part without any."""
        parts = takewhile(bool, map(self._parts.get, count()))
        return [int.from_bytes(bits).bit_count() for bits in parts if bits]

    def add(self, part: int, index: int) -> bool:
        """Add a position and return whether it was new. Raises ValueError for an index that no part can have."""
        if not 0 <= index <= MAX_INDEX:
            raise ValueError(f"index must be between 0 and {MAX_INDEX}")
        bits = self._parts.setdefault(part, bytearray())
        byte, bit = index >> 3, 1 << (index & 7)
        if byte >= len(bits):
            # Allocate twice the size that is needed, so that the total cost of growing stays linear.
            bits.extend(bytes(2 * byte + 1 - len(bits)))
        if bits[byte] & bit:
            return False
        bits[byte] |= bit
        self._size += 1
        return True
