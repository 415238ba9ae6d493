"""The bus tells each listener of its topics, the newest news of each mark, once."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

from trackql_server.bus import Bus


@dataclass(frozen=True)
class News:
    topic: str
    mark: Hashable
    number: int


async def test_only_the_newest_of_a_mark_counts() -> None:
    bus: Bus[News] = Bus()
    listener = bus.listen(["a", "b"])
    for number in range(1000):
        bus.publish(News("a", number % 3, number))
    bus.publish(News("b", "b", 1))
    bus.publish(News("c", "c", 1))
    heard = await listener.wait()
    assert sorted(each.number for each in heard) == [1, 997, 998, 999]
    assert listener.take() == []
    waiting = asyncio.create_task(listener.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.publish(News("a", 0, 5))
    assert [each.number for each in await waiting] == [5]


async def test_a_wakeup_is_not_lost_between_take_and_wait() -> None:
    bus: Bus[News] = Bus()
    listener = bus.listen(["a"])
    bus.publish(News("a", 1, 1))
    assert len(listener.take()) == 1
    bus.publish(News("a", 1, 2))
    async with asyncio.timeout(5):
        assert [each.number for each in await listener.wait()] == [2]


async def test_who_left_hears_nothing_and_is_forgotten() -> None:
    bus: Bus[News] = Bus()
    one, other = bus.listen(["a", "b"]), bus.listen(["a"])
    bus.leave(one)
    bus.publish(News("a", 1, 1))
    assert one.take() == []
    assert len(other.take()) == 1
    bus.leave(other)
    assert bus.listeners == 0
    assert not bus._listeners


async def test_closing_lets_everyone_go() -> None:
    bus: Bus[News] = Bus()
    listener = bus.listen(["a"])
    waiting = asyncio.create_task(listener.wait())
    await asyncio.sleep(0)
    bus.close()
    assert await waiting == []
    assert listener.closed
    async with asyncio.timeout(5):
        assert await listener.wait() == []
        assert await bus.listen(["late"]).wait() == []
