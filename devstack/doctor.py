"""Report of what this machine has and lacks for a local stack, with a command that fixes each problem."""

import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from devstack import packages
from devstack.cache import Download
from devstack.containers import why_no_docker
from devstack.routes import KAFKA_VARIABLE, MONGO_VARIABLE

_LIBRARIES = {"libcurl4": "libcurl.so.4", "liblzma5": "liblzma.so.5"}


@dataclass(frozen=True)
class Finding:
    """Line of the report."""

    name: str
    text: str
    has: bool = True
    fix: str = ""  # a command, empty if nothing needs what is missing

    def __str__(self) -> str:
        mark = "ok" if self.has else "lacks" if self.fix else "-"
        line = f"{mark:<6}{self.name:<18}{self.text}"
        return f"{line}\n{'':<24}fix: {self.fix}" if self.fix else line


def report() -> int:
    """Print the findings and the stack that would start. Return exit code 0 if that stack is complete and durable."""
    no_docker = why_no_docker()
    findings = [*_general(no_docker), *_for_kafka(), *_for_mongo()]
    for finding in findings:
        print(finding)
    kafka, durable = _kafka_verdict(no_docker)
    mongo, whole = _mongo_verdict(no_docker, any(finding.fix for finding in _for_mongo()))
    print(f"stack: {kafka}, {mongo}")
    return 0 if durable and whole else 1


def _general(no_docker: str | None) -> Iterator[Finding]:
    version = ".".join(str(number) for number in sys.version_info[:3])
    yield Finding("python", version)
    for variable in (KAFKA_VARIABLE, MONGO_VARIABLE):
        given = bool(os.environ.get(variable))
        yield Finding(variable.removeprefix("ROLLCALL_"), "given" if given else "not given", given)
    # Docker is optional, because there are other ways. But a Docker that does not work surprises its user.
    fix = "docker info" if no_docker and "not usable" in no_docker else ""
    yield Finding("docker", no_docker or "a daemon answers", no_docker is None, fix)


def _for_kafka() -> Iterator[Finding]:
    lack = packages.why_no_kafka()
    java, maven = packages.java_version(), packages.maven_version()
    java_fix = packages.INSTALL_JAVA if lack and lack.fix == packages.INSTALL_JAVA else ""
    yield Finding("java", f"version {java}" if java else "does not run", not java_fix, java_fix)
    maven_fix = "" if maven or packages.KAFKA.is_there else packages.INSTALL_MAVEN
    yield Finding("maven", f"version {maven}" if maven else "does not run", maven is not None, maven_fix)
    yield _cache_state(packages.KAFKA)


def _for_mongo() -> Iterator[Finding]:
    no_mongod = packages.why_no_mongod()
    fix = f"export {MONGO_VARIABLE}='mongodb://…'" if no_mongod else ""
    yield Finding("mongod", no_mongod or "its package fits this machine", no_mongod is None, fix)
    for package, library in _LIBRARIES.items():
        has = _loads(library)
        yield Finding(package, "there" if has else "missing", has, "" if has else packages.INSTALL_LIBRARIES)
    yield _cache_state(packages.MONGOD)


def _kafka_verdict(no_docker: str | None) -> tuple[str, bool]:
    """Return the Kafka that would start, and whether it keeps acknowledged records."""
    if os.environ.get(KAFKA_VARIABLE):
        return f"Kafka from {KAFKA_VARIABLE}", True
    if no_docker is None:
        return "Kafka in a container", True
    if packages.why_no_kafka() is None:
        return "Kafka as a process on this machine", True
    return "librdkafka's in-process broker, which keeps nothing: tests that need a durable Kafka would not run", False


def _mongo_verdict(no_docker: str | None, lacks: bool) -> tuple[str, bool]:  # noqa: FBT001 - two facts, read in order
    """Return the MongoDB that would start, and whether one is available."""
    if os.environ.get(MONGO_VARIABLE):
        return f"MongoDB from {MONGO_VARIABLE}", True
    if no_docker is None:
        return "MongoDB in a container", True
    if lacks:
        return "no MongoDB until the problems above are fixed", False
    return "MongoDB as a process on this machine", True


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _cache_state(download: Download) -> Finding:
    if not download.is_there:
        return Finding("download", f"the first start fetches {download.name} to {download.folder}", has=False)
    size = sum((download.folder / file).stat().st_size for file in download.pinned)
    return Finding("download", f"{download.name}, {size / 1e6:.0f} MB in {download.folder}")
