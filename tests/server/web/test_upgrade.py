"""Who offers HTTP/2 with a request, as Java's client does, is answered in HTTP/1.1."""

import json
import socket

from scripts.process import Server


def test_an_offer_of_http2_is_passed_over(server: Server) -> None:
    body = json.dumps({"query": "{ server { version } }"}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        "Connection: Upgrade, HTTP2-Settings\r\nUPGRADE: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        for _ in range(2):  # the connection goes on
            line.sendall(head.encode() + body)
            reply = b""
            while b"version" not in reply:
                more = line.recv(65_536)
                assert more, reply
                reply += more
            assert reply.startswith(b"HTTP/1.1 200")
