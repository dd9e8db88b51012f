"""A mail server on loopback that keeps the messages it receives: enough SMTP for one message per connection."""

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.reply("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            if verb == "DATA":
                self.reply("354 go on")
                self.receive()
            self.reply({"QUIT": "221 bye", "RCPT": self.server.answer}.get(verb, "250 ok"))
            if verb == "QUIT":
                return

    def reply(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def receive(self) -> None:
        lines = iter(self.rfile.readline, b".\r\n")
        self.server.taken.append(message_from_bytes(b"".join(lines), policy=policy.default))


class RecordingMailServer(socketserver.ThreadingTCPServer):
    """Keeps each message in ``taken``, and replies ``answer`` to each recipient."""

    daemon_threads = True

    def __init__(self, *, answer: str = "250 ok") -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.taken: list[EmailMessage] = []
        self.answer = answer

    @property
    def port(self) -> int:
        return self.server_address[1]

    def __enter__(self) -> "RecordingMailServer":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()
