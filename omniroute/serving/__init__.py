"""How the application is served: two servers of one shape, and a supervisor for several processes.

A server is a function `run(listener, application, process, grace_s, ready)`: it calls `ready` once
it accepts on the socket, and goes on until SIGTERM or SIGINT. Then it accepts nothing more, lets
what runs finish for at most `grace_s` seconds, cancels what is left, closes the process's runtime
and returns.
"""

# A client that has not sent its headers by then never will.
HEADERS_TIMEOUT_S = 30.0
HEADERS_BYTES = 64 << 10
KEEPALIVE_S = 75.0
# The one address where a connection may become a WebSocket, and how much its page may say at once.
LIVE_LOG = "/ws/logs/"
SOCKET_BYTES = 1 << 10
SOCKET_PING_S = 20.0
# What a request that is cancelled at the end of the grace has to account for itself.
CANCEL_S = 5.0


def is_socket(path: bytes) -> bool:
    """Of a request line's target, the query left out or not."""
    return path.partition(b"?")[0] == LIVE_LOG.encode()


def refusal(status: bytes) -> bytes:
    """A response to what never became a request; the connection is closed after it."""
    return b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
