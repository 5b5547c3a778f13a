"""Reads of chunks, wherever they are stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from typing_extensions import override

from core.chunk_work import Counts
from core.ids import ChunkId, RequestKey, log_bounds
from core.index_ranges import length
from core.money import Cost, add_costs
from ledger.chunk_port import Chunks, DueKind
from ledger.models import Chunk
from ledger.mongo.chunk_documents import hash_slices, read_chunk
from ledger.mongo.chunk_homes import ChunkHome
from ledger.mongo.connection import Database, Document, ServerClock, translated_errors
from ledger.mongo.due_chunks import find_due_kinds
from ledger.mongo.work_documents import read_counts, read_ranges, read_window
from ledger.queries import IdRange
from schemas.statuses import Channel, Lane, Status


class ChunkReads(Chunks):
    """Questions about chunks."""

    def __init__(self, database: Database, clock: ServerClock) -> None:
        self._clock = clock
        self._small = ChunkHome(database["requests"], in_request=True)
        self._large = ChunkHome(database["chunks"], in_request=False)
        self._homes = (self._small, self._large)

    @override
    async def find_due(self) -> Collection[DueKind]:
        with translated_errors():
            return await find_due_kinds(self._homes, self._clock.now())

    @override
    async def count_in_open_windows(self, key: RequestKey) -> int:
        with translated_errors():
            return sum(
                [
                    length(read_ranges(document["window"]["ranges"]))
                    for home in self._homes
                    for document in await home.documents.find(
                        {**home.open_of_request(key), "window": {"$ne": None}}, {"window.ranges": True}
                    ).to_list(None)
                ]
            )

    @override
    async def has_open(self, key: RequestKey) -> bool:
        with translated_errors():
            for home in (self._large, self._small):  # the question is asked most often about large requests
                if await home.documents.find_one(home.open_of_request(key), {"_id": True}):
                    return True
        return False

    @override
    async def counts(self, key: RequestKey) -> Counts:
        total, now = Counts(), self._clock.now()
        fields = {"counts": True, "size": True, "fence": True, "due_at": True}
        with translated_errors():
            for home in self._homes:
                async for document in home.documents.find(home.of_request(key), fields):
                    logged = read_counts(document["counts"])
                    total.update(logged)
                    if waiting := document["size"] - logged.total():
                        due_at = document["due_at"]
                        scheduled = document["fence"] == 0 and due_at is not None and due_at > now
                        total[Status.SCHEDULED if scheduled else Status.PENDING, None] += waiting
        return total

    @override
    async def cost(self, key: RequestKey) -> Cost:
        """Sum in MongoDB, because a request may have thousands of chunks."""
        fields = {"$objectToArray": {"$ifNull": ["$cost", {}]}}
        group = {"_id": "$cost.k", "amount": {"$sum": "$cost.v"}}
        sums: list[Cost] = []
        with translated_errors():
            for home in self._homes:
                stages: list[Document] = [
                    {"$match": home.of_request(key)},
                    {"$project": {"cost": fields}},
                    {"$unwind": "$cost"},
                    {"$group": group},
                ]
                documents = await home.documents.aggregate(stages).to_list(None)
                sums += [{document["_id"]: int(document["amount"])} for document in documents]
        return add_costs(sums)

    @override
    async def find_outcomes(self, key: RequestKey, statuses: Collection[Status]) -> list[IdRange]:
        fields, ranges = {"counts": True, "part": True, "first": True, "size": True}, []
        with translated_errors():
            for home in self._homes:
                async for document in home.documents.find(home.of_request(key), fields).sort("_id", 1):
                    if any(status in statuses for status, _ in read_counts(document["counts"])):
                        part, first = document.get("part", 0), document.get("first", 0)  # the chunk of a small request
                        ranges.append(log_bounds(key, part, first, document["size"]))
        return ranges

    @override
    async def find_duplicates(self, key: RequestKey, below_part: int, hashes: Collection[bytes]) -> set[bytes]:
        candidates = set(hashes)
        duplicates: set[bytes] = set()
        query = {"request": key, "part": {"$lt": below_part}, "lookup": {"$in": list(candidates)}}
        with translated_errors():
            async for document in self._large.documents.find(query, {"hashes": True}):
                duplicates.update(candidates.intersection(hash_slices(document["hashes"])))
        return duplicates

    @override
    async def get(self, chunk_id: ChunkId) -> Chunk | None:
        with translated_errors():
            for home in self._homes:
                for name in home.ids_of([chunk_id]):
                    query = {"_id": name, "open": {"$exists": True}}
                    if document := await home.documents.find_one(query, home.claimed):
                        chunk, window = read_chunk(document), read_window(document)
                        return replace(chunk, work=replace(chunk.work, next=window.as_batch)) if window else chunk
        return None

    @override
    async def get_sealed(self, ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        names = {name: chunk for home in self._homes for chunk in ids for name in home.ids_of([chunk])}
        with translated_errors():
            found = [
                document
                for home in self._homes
                for document in await home.documents.find({"_id": {"$in": home.ids_of(ids)}}, {"sealed": True}).to_list(
                    None
                )
            ]
        return {names[document["_id"]]: document["sealed"] for document in found if document.get("sealed")}

    @override
    async def count_open_by_lane(self) -> Mapping[Lane, int]:
        """Count with the index of the sweeper, which needs all channels in the query."""
        every = {"channel": {"$in": [channel.value for channel in Channel]}, "open": True}
        counts = dict.fromkeys(Lane, 0)
        with translated_errors():
            for home in self._homes:
                for lane in home.lanes:
                    query = {"lane": lane.value, **every}
                    counts[lane] += await home.documents.count_documents(query, hint="due_of_channel")
        return counts
