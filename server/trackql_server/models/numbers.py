"""Numbers that name rows where indexes want something short: rising, or the same for the same text.

Neither needs a sequence that replicas would have to share.
"""

import random
import time
from functools import lru_cache
from hashlib import blake2b

_last = 0


def rising_number() -> int:
    """A number of 63 bits: milliseconds since 2020, then chance; rising within this process.

    Rows made together lie together in an index.
    """
    global _last
    candidate = (time.time_ns() // 1_000_000 - 1_577_836_800_000) << 22 | random.getrandbits(21)
    _last = max(candidate, _last + 1)
    return _last


@lru_cache(maxsize=65_536)
def label_id(experiment_id: str, kind: str, key: str) -> int:
    """The number of a key of a kind ("metric", "param", "tag", "config") in an experiment.

    63 bits of a hash: two of a million keys coincide with a chance of 5 in 100 million.
    """
    text = f"{experiment_id}\0{kind}\0{key}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1
