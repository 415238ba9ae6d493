"""A real S3 endpoint on this machine, by moto's server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


class Endpoint:
    """Where S3 is emulated, and the environment that leads there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._buckets = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """The name of a new bucket."""
        self._buckets += 1
        name = f"bucket-{self._buckets}"
        # moto lets everyone in, signed or not.
        httpx.put(f"{self.url}/{name}").raise_for_status()
        return name


@contextmanager
def s3_endpoint() -> Iterator[Endpoint]:
    """Started on a free port, stopped on leaving."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Endpoint(f"http://{host}:{port}")
    finally:
        server.stop()
