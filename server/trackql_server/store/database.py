"""Engines and sessions: one writer at a time on SQLite, plain transactions on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from trackql_server.errors import InvalidInput

# WAL lets readers go on while the one writer writes; "delete" is for network file systems, where
# WAL's shared memory does not work.
JOURNAL_MODES = ("wal", "delete")

# With WAL, NORMAL loses nothing when the process dies; only a power cut can undo the last commits.
SYNCHRONOUS = "NORMAL"

# Another process (a backup, `trackql db`) may hold the file for a moment.
BUSY_TIMEOUT_MS = 30_000

# Negative means KiB: 16 MiB of pages a connection keep the hot indexes in memory.
CACHE_SIZE = -16_384

# The log is cut back to this after a checkpoint, so that one burst does not keep the disk for ever.
JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024

# Reads of several pages and charts run side by side; more threads than this only fight for the GIL.
SQLITE_READERS = 4

# Queries of one replica at once; PostgreSQL's own default limit is 100 connections in all.
POSTGRES_POOL = 10


T = TypeVar("T")


class Database:
    """The engines of one database, and the lock that makes SQLite's one writer a queue.

    Ordinary verbs use sessions (`read`, `write`). Metric points go in and out by functions that run
    on a plain connection (`run_read`, `run_write`): on SQLite such a function runs whole in one
    thread, because a hop to a thread for each statement costs more than the statement.
    """

    def __init__(self, url: str, *, journal_mode: str = "wal") -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._lock = asyncio.Lock()
        if self.sqlite:
            self._readers = _sqlite_engine(self.url, journal_mode, SQLITE_READERS, "BEGIN")
            self._writers = _sqlite_engine(self.url, journal_mode, 1, "BEGIN IMMEDIATE")
            plain = self.url.set(drivername="sqlite+pysqlite")
            self._plain_readers = _plain_sqlite(plain, journal_mode, SQLITE_READERS, "BEGIN")
            self._plain_writers = _plain_sqlite(plain, journal_mode, 1, "BEGIN IMMEDIATE")
            self._readings = ThreadPoolExecutor(SQLITE_READERS, "reading")
            # A thread of its own: what is logged must not queue behind what is drawn.
            self._writing = ThreadPoolExecutor(1, "writing")
        else:
            self._readers = self._writers = create_async_engine(
                self.url, pool_size=POSTGRES_POOL, max_overflow=POSTGRES_POOL, pool_pre_ping=True
            )

    @property
    def file(self) -> Path | None:
        """The file of an embedded database."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    @property
    def writers(self) -> AsyncEngine:
        """The engine whose transactions may write."""
        return self._writers

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading; on SQLite it sees one state of the database throughout."""
        async with AsyncSession(self._readers, expire_on_commit=False) as session:
            with _storable():
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with AsyncExitStack() as stack:
            if self.sqlite:
                await stack.enter_async_context(self._lock)
            session = await stack.enter_async_context(
                AsyncSession(self._writers, expire_on_commit=False)
            )
            with _storable():
                async with session.begin():
                    yield session

    async def run_read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, given a connection that sees one state of the database."""
        if self.sqlite:
            return await self._in_thread(self._readings, self._plain_readers, work)
        async with self._readers.connect() as connection:
            with _storable():
                return await connection.run_sync(work)

    async def run_write(
        self,
        look: Callable[[Connection], T],
        think: Callable[[T], None],
        write: Callable[[Connection, T], None],
        *,
        heavy: bool = False,
    ) -> T:
        """One transaction in three steps: look at the rows, think without them, write.

        On PostgreSQL `think` leaves the event loop where it is `heavy`.
        """
        if self.sqlite:

            def work(connection: Connection) -> T:
                plan = look(connection)
                think(plan)
                write(connection, plan)
                return plan

            async with self._lock:
                return await self._in_thread(self._writing, self._plain_writers, work)
        async with self._writers.begin() as connection:
            plan = await connection.run_sync(look)
            if heavy:
                await asyncio.to_thread(think, plan)
            else:
                think(plan)
            await connection.run_sync(write, plan)
        return plan

    async def _in_thread(
        self, threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]
    ) -> T:
        def run() -> T:
            with engine.begin() as connection:
                return work(connection)

        # A transaction that began runs to its end, whoever stops waiting for it.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(threads, run))

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self._readers.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._readers.dispose()
        if self.sqlite:
            await self._writers.dispose()
            await asyncio.to_thread(self._readings.shutdown)
            await asyncio.to_thread(self._writing.shutdown)
            self._plain_readers.dispose()
            self._plain_writers.dispose()


@contextmanager
def _storable() -> Iterator[None]:
    """Text with a NUL, which PostgreSQL takes for no text, is what the caller has to repair."""
    try:
        yield
    except DBAPIError as error:
        if "0x00" in str(error.orig):
            raise InvalidInput("a text holds a NUL character; remove it") from error
        raise


def _sqlite_engine(url: URL, journal_mode: str, size: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=size, max_overflow=0, pool_timeout=60)
    _prepare(engine.sync_engine, journal_mode, begin)
    return engine


def _plain_sqlite(url: URL, journal_mode: str, size: int, begin: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"check_same_thread": False},
    )
    _prepare(engine, journal_mode, begin)
    return engine


def _prepare(engine: Engine, journal_mode: str, begin: str) -> None:
    if journal_mode not in JOURNAL_MODES:
        raise ValueError(f"journal mode {journal_mode!r} is none of {', '.join(JOURNAL_MODES)}")

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        # The driver's own transactions start lazily and never IMMEDIATE, so it must not start any.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute(f"PRAGMA journal_mode = {journal_mode}")
        cursor.execute(f"PRAGMA synchronous = {SYNCHRONOUS if journal_mode == 'wal' else 'FULL'}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA cache_size = {CACHE_SIZE}")
        cursor.execute(f"PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT}")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)
