"""``python -m tests.torture.attacks.slow_mail_server PORT SECONDS``: takes each mail so late."""

import asyncio
import sys

LARGEST_MAIL = 4 * 1024 * 1024


class SlowMailServer:
    """A mail server without limits."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 ready\r\n")
            while line := await reader.readuntil(b"\r\n"):
                match line.split()[0].upper():
                    case b"EHLO":
                        writer.write(b"250-here\r\n250 HELP\r\n")
                    case b"DATA":
                        writer.write(b"354 go on\r\n")
                        await reader.readuntil(b"\r\n.\r\n")
                        await asyncio.sleep(self.seconds)
                        writer.write(b"250 2.0.0 queued\r\n")
                    case _:
                        writer.write(b"250 ok\r\n")
        except (OSError, EOFError):
            pass  # the other side is gone
        finally:
            writer.close()


async def main(port: int, seconds: float) -> None:
    server = SlowMailServer(seconds)
    async with await asyncio.start_server(server.serve, "127.0.0.1", port, backlog=1000, limit=LARGEST_MAIL) as running:
        await running.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
