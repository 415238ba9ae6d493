"""Publish and listen within one process: a listener is woken and told what changed, once each."""

import asyncio
from collections.abc import Hashable, Iterable
from typing import Generic, Protocol, TypeVar


class Event(Protocol):
    """Something that happened to a topic; of events with the same mark only the newest counts."""

    @property
    def topic(self) -> str: ...

    @property
    def mark(self) -> Hashable: ...


E = TypeVar("E", bound=Event)


class Listener(Generic[E]):
    """What was published to some topics since it was last asked; bounded by distinct marks."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        self._news: dict[Hashable, E] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def tell(self, event: E) -> None:
        """Take an event in; it replaces one with the same mark."""
        self._news[event.mark] = event
        self._wake.set()

    def close(self) -> None:
        """Let the one who waits go on and end."""
        self._closed = True
        self._wake.set()

    @property
    def closed(self) -> bool:
        """Whether no more news will come."""
        return self._closed

    async def wait(self) -> list[E]:
        """The news since the last call; waits for some. Empty only when closed."""
        await self._wake.wait()
        return self.take()

    def take(self) -> list[E]:
        """The news since the last call, without waiting."""
        news = list(self._news.values())
        self._news.clear()
        if not self._closed:
            self._wake.clear()
        return news


class Bus(Generic[E]):
    """Hands each event to the listeners of its topic."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener[E]]] = {}
        self._closed = False
        self.listeners = 0

    def listen(self, topics: Iterable[str]) -> Listener[E]:
        """A new listener; give it to `leave` when done."""
        listener: Listener[E] = Listener(topics)
        self.listeners += 1
        for topic in listener.topics:
            self._listeners.setdefault(topic, set()).add(listener)
        if self._closed:
            listener.close()
        return listener

    def leave(self, listener: Listener[E]) -> None:
        """Forget a listener."""
        self.listeners -= 1
        for topic in listener.topics:
            here = self._listeners.get(topic, set())
            here.discard(listener)
            if not here:
                self._listeners.pop(topic, None)

    def publish(self, event: E) -> None:
        """Tell everyone who listens to the event's topic."""
        for listener in self._listeners.get(event.topic, ()):
            listener.tell(event)

    def close(self) -> None:
        """End every listener, as the server goes down."""
        self._closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()
