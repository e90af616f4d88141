"""S3 as moto plays it, in a thread of the test, with faults put in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import boto3
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class Quiet(MotoRequestHandler):
    def log(self, *ignored):
        pass


class S3Server:
    """A server whose ``fault`` sees each request first: its method and path; what it returns is the answer, if any."""

    def __init__(self) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.fault: Callable = lambda method, path: None
        self.asked: list[tuple[str, str]] = []
        #: Opened at the end, for answers that stall until then.
        self.over = Event()
        self.http = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self.http.daemon_threads = True
        self.thread = Thread(target=self.http.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def __call__(self, environ, start_response) -> Iterator[bytes]:
        request = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append(request)
        answer = self.fault(*request) or self.moto
        return answer(environ, start_response)

    def upload(self, folder: Path, bucket: str, prefix: str) -> str:
        """Puts all files of a folder into a new bucket; returns their address."""
        client = boto3.client("s3", endpoint_url=self.url)
        client.create_bucket(Bucket=bucket)
        for file in folder.rglob("*"):
            if file.is_file():
                client.upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder).as_posix()}")
        client.close()
        return f"s3://{bucket}/{prefix}"

    def close(self) -> None:
        self.over.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def stalls(self, environ, start_response) -> Iterator[bytes]:
        """Sends a part of what was asked for, and then nothing."""
        head = []
        body = b"".join(self.moto(environ, lambda *answer: head.append(answer)))
        start_response(*head[0][:2])
        yield body[: len(body) // 2]
        self.over.wait(60)


def answer(status: str, code: str) -> Callable:
    """An error of S3's."""

    def app(environ, start_response) -> list[bytes]:
        start_response(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>so the test wants it</Message></Error>".encode()]

    return app
