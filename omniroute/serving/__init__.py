"""How the application is served: two servers of one shape, and a supervisor for several processes.

A server is a function `run(listener, application, process, grace_s)`: it accepts on the socket until
SIGTERM or SIGINT, lets what runs finish for at most `grace_s` seconds, closes the process's runtime
and returns.
"""

# A client that has not sent its headers by then never will.
HEADERS_TIMEOUT_S = 30.0
HEADERS_BYTES = 64 << 10
KEEPALIVE_S = 75.0
