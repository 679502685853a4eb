"""DATASUM and CHECKSUM of an HDU (FITS standard 4.0, section 4.4.2.7 and appendix J)."""

from __future__ import annotations

import numpy as np

__all__ = ["encode_checksum", "word_sum"]


def word_sum(data: bytes | memoryview, total: int = 0) -> int:
    """Return the 32-bit ones' complement sum of big-endian words, the number of DATASUM.

    Parameters
    ----------
    data : bytes
        Whole words, as all blocks of a file are.
    total : int
        Sum of what comes before.

    Examples
    --------
    >>> word_sum(bytes([0, 0, 0, 1, 255, 255, 255, 255]), 5)
    6
    """
    total += int(np.frombuffer(data, dtype=">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def encode_checksum(total: int) -> str:
    """Return the text of CHECKSUM: it makes the sum of an HDU whose other words sum up to ``total`` all ones.

    Sixteen digits and letters, four for each byte, turned by one place as they do not start at a whole word.

    Examples
    --------
    >>> encode_checksum(0xFFFFFFFF)
    '0000000000000000'
    """
    fours = [_FOURS[byte] for byte in (~total & 0xFFFFFFFF).to_bytes(4, "big")]
    text = "".join(four[place] for place in range(4) for four in fours)
    return text[-1] + text[:-1]


def _four(byte: int) -> str:
    codes = [byte // 4 + ord("0")] * 4
    codes[0] += byte % 4
    for one, other in ((0, 1), (2, 3)):
        while not (chr(codes[one]).isalnum() and chr(codes[other]).isalnum()):
            codes[one] += 1
            codes[other] -= 1
    return "".join(map(chr, codes))


_FOURS = tuple(map(_four, range(256)))
