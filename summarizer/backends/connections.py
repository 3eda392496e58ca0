"""Connections that are used again only when nothing came on them unasked.

Imported when something is sent, since its imports take two seconds.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection


class _Connector(aiohttp.TCPConnector):
    """Hands out no connection that holds something unread.

    A response that comes twice, or late, on a connection that waits for its next request would be taken for the answer
    to that: every paper that follows would get the answer of another one.
    """

    async def connect(self, *arguments: Any, **options: Any) -> "Connection":
        while True:
            connection = await super().connect(*arguments, **options)
            protocol: ResponseHandler | None = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()


def guard(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Let the transports of the client, also those to proxies, open such connections; returns the client."""
    # They take a session or what makes one, but the client that comes with openai does not hand it on.
    transports: list[Any] = [client._transport, *client._mounts.values()]  # noqa: SLF001
    for transport in transports:
        if transport is not None:
            transport.client = partial(_open_session, transport)
    return client


def _open_session(transport: Any) -> aiohttp.ClientSession:
    limits: httpx2.Limits = transport.limits
    connector = _Connector(
        limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry, ssl=transport.ssl_context
    )
    return aiohttp.ClientSession(connector=connector)
