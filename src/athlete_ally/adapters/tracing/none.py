"""The `Tracing` port of services that are not traced: everything is handed back as it is, and costs nothing."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from athlete_ally.core.ports import Asgi, Inbox, Publisher, Store


class NoTracing:
    """Watches nothing. See the port."""

    def app(self, app: Asgi, paths: Sequence[str]) -> Asgi:
        """See the port."""
        del paths
        return app

    def publisher(self, publisher: Publisher) -> Publisher:
        """See the port."""
        return publisher

    def inbox(self, inbox: Inbox) -> Inbox:
        """See the port."""
        return inbox

    def store(self, store: Store) -> Store:
        """See the port."""
        return store

    def step(self, name: str, stated: Mapping[str, str]) -> AbstractContextManager[None]:
        """See the port."""
        del name, stated
        return nullcontext()

    async def close(self) -> None:
        """See the port."""
