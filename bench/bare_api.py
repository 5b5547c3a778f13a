"""Command ``python -m bench.bare_api PORT BOOTSTRAP TOPIC``: the least that an HTTP service can do with a request.

A FastAPI handler verifies the token, parses the body with rollcall's model, and awaits Kafka's acknowledgement. It has
no limits, no checks beyond the model, no repeats, no log lines and no metrics. The server runs as rollcall's does.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import jwt
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Header, Request

from bench.front import SECRET
from schemas.bulk_body import BulkSendRequest


def build_app(bootstrap: str, topic: str) -> FastAPI:
    """Return the service."""
    producer: AIOKafkaProducer | None = None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal producer
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type="zstd")
        await producer.start()
        yield
        await producer.stop()

    app = FastAPI(lifespan=lifespan)

    @app.get("/readyz")
    async def ready() -> None:
        return None

    @app.post("/communication/bulk")
    async def send(request: Request, authorization: Annotated[str, Header()]) -> dict[str, str]:
        jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"])
        body, request_id = BulkSendRequest.model_validate_json(await request.body()), uuid4().hex
        if producer is None:
            raise AssertionError("requests come after the start")
        await producer.send_and_wait(topic, body.model_dump_json().encode(), key=request_id.encode())
        return {"request_id": request_id}

    return app


if __name__ == "__main__":
    port, bootstrap, topic = sys.argv[1:]
    uvicorn.run(build_app(bootstrap, topic), host="127.0.0.1", port=int(port), access_log=False, loop="uvloop")
