"""What the files for containers promise, as far as it can be seen without Docker."""

import http.server
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic_settings import BaseSettings

from cli.settings import SetupSettings
from config.settings import PREFIX
from consumer.settings import ConsumerSettings
from devstack.containers import KAFKA_IMAGE, MONGO_IMAGE
from producer.settings import ProducerSettings
from tests.support.repository import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
FOR_DEVELOPMENT = (ROOT / "deploy" / "compose.dev.yml").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
IGNORED = (ROOT / ".dockerignore").read_text("utf-8")
PROBE = ROOT / "deploy" / "probe.py"
SECRETS = {
    PREFIX + name
    for name in (
        *("MONGO_URL", "KAFKA_SASL_PASSWORD", "SEALING_KEYS", "JWT_SECRET"),
        *("PROVIDERS", "PROVIDERS_FILE", "RECEIPTS", "RECEIPTS_FILE"),
    )
}
ONLY_FOR_DEVELOPERS = {"devstack", "bench"}


def parts(compose: str) -> dict[str, str]:
    """The text of each service, and of each `x-` block that services take over."""
    services = compose[compose.index("\nservices:\n") :].split("\nnetworks:\n", maxsplit=1)[0]
    names = re.split(r"^  (\w+):\n", services, flags=re.MULTILINE)[1:]
    blocks = re.findall(r"^x-\w+: &(\w+)\n((?:  .*\n|\n)+)", compose, flags=re.MULTILINE)
    return dict(zip(names[::2], names[1::2], strict=True)) | dict(blocks)


def test_nothing_but_the_producer_is_published_and_it_to_this_machine_alone() -> None:
    published = {name: re.findall(r"ports: (.*)", text) for name, text in parts(COMPOSE).items()}

    assert {name: ports for name, ports in published.items() if ports} == {
        "producer": ['["127.0.0.1:${ROLLCALL_HTTP_PORT:-8080}:8080"]']
    }
    assert re.findall(r"ports: \[\"(127\.0\.0\.1:)?", FOR_DEVELOPMENT) == ["127.0.0.1:"] * 2


def test_kafka_and_mongodb_stand_on_a_network_that_leads_nowhere() -> None:
    services = parts(COMPOSE)

    assert COMPOSE.endswith("networks:\n  inside:\n    internal: true\n\nvolumes:\n  kafka:\n  mongo:\n")
    assert [name for name in services if "networks: [inside]\n" in services[name]] == ["setup", "kafka", "mongo"]


def test_the_images_are_those_that_the_tests_use() -> None:
    images = {name: re.findall(r"^ +image: (.*)", text, re.MULTILINE) for name, text in parts(COMPOSE).items()}

    assert {name: image for name, image in images.items() if image} == {
        "ours": ["rollcall"],
        "kafka": [KAFKA_IMAGE],
        "mongo": [MONGO_IMAGE],
    }


@pytest.mark.parametrize("name", ["ours", "kafka", "mongo"])
def test_no_container_may_do_more_than_it_needs(name: str) -> None:
    text = parts(COMPOSE)[name]

    assert "cap_drop: [ALL]" in text
    assert 'security_opt: ["no-new-privileges:true"]' in text
    assert "logging: " in text, "a log without a bound fills the disk"
    assert re.search(r"^ +mem_limit: \d", text, re.MULTILINE)
    assert re.search(r"^ +pids_limit: \d", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("service", "settings"),
    [("producer", ProducerSettings), ("consumer", ConsumerSettings), ("setup", SetupSettings)],
)
def test_each_service_gets_only_the_secrets_that_it_needs(service: str, settings: type[BaseSettings]) -> None:
    hidden = set(re.findall(rf'^ +({PREFIX}\w+): ""', parts(COMPOSE)[service], re.MULTILINE))
    needed = {PREFIX + name.upper() for name in settings.model_fields}

    assert hidden == SECRETS - needed


@pytest.mark.parametrize("text", [COMPOSE, FOR_DEVELOPMENT, DOCKERFILE], ids=["compose", "for development", "image"])
def test_every_variable_that_they_name_is_a_setting(text: str) -> None:
    known = {PREFIX + name.upper() for name in (*ConsumerSettings.model_fields, *ProducerSettings.model_fields)}

    assert set(re.findall(rf"{PREFIX}\w+", text)) <= known


def test_secrets_come_from_the_file_that_init_writes_and_from_nowhere_else() -> None:
    assert re.findall(r"env_file: (.*)", COMPOSE) == [".env"]
    for text in (COMPOSE, DOCKERFILE):
        assert not re.findall(r'(?:SECRET|SEALING_KEYS|PASSWORD|PROVIDERS|RECEIPTS)\w*[:=](?! "")', text)


def test_the_image_is_made_of_what_is_installed_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {pattern.removesuffix("*") for pattern in found} - ONLY_FOR_DEVELOPERS
    rules = [line for line in IGNORED.splitlines() if not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == packages | {
        "pyproject.toml",
        "deploy/requirements.txt",
        "deploy/build-requirements.txt",
        "README.md",
        "LICENSE",
        "deploy/probe.py",
    }


def test_what_runs_is_no_root_and_has_nothing_to_build_with() -> None:
    user = re.findall(r"^USER (\d+):(\d+)$", FINAL_STAGE, re.MULTILINE)

    assert len(user) == 1
    assert "0" not in user[0]
    assert re.findall(r"^COPY (.*)", FINAL_STAGE, re.MULTILINE) == [
        "--from=build /opt/rollcall /opt/rollcall",
        "deploy/probe.py /opt/probe.py",
    ]
    assert "pip uninstall --yes" in FINAL_STAGE
    assert "apt-get" not in DOCKERFILE


def pinned(path: str) -> dict[str, str]:
    """The version of each package in a file of pinned versions."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / path).read_text("utf-8"), re.MULTILINE))


def test_the_image_holds_the_versions_that_the_tests_use_and_each_file_has_a_known_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["ses"]  # nothing can be installed in the image
    needed = {canonicalize_name(Requirement(text).name) for text in asked}
    image, tested = pinned("deploy/requirements.txt"), pinned("constraints.txt")
    installing = re.findall(r"pip (?:--python \S+ )?install ([^\\\n]*)", DOCKERFILE)

    assert needed <= image.keys()
    assert image.items() <= {canonicalize_name(name): version for name, version in tested.items()}.items()
    assert [line.partition(" -r ")[0] for line in installing] == [
        "--only-binary :all: --require-hashes",
        "--only-binary :all: --require-hashes",
        "--no-deps --no-index wheels/*.whl",
    ]


@contextmanager
def service_that_says(status: int) -> Iterator[str]:
    """The port of a service that answers `/readyz` so."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield str(server.server_port)
        server.shutdown()
        serving.join()


def probed(**ports: str) -> int:
    env = {"ROLLCALL_HTTP_PORT": "1", "ROLLCALL_CONSUMER_HTTP_PORT": "1", **ports}
    return subprocess.run([sys.executable, "-IS", PROBE, "/readyz"], env=env, check=False, timeout=20).returncode


@pytest.mark.parametrize("port", ["ROLLCALL_HTTP_PORT", "ROLLCALL_CONSUMER_HTTP_PORT"])
@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_the_probe_says_what_the_service_says(port: str, status: int, exit_code: int) -> None:
    with service_that_says(status) as number:
        assert probed(**{port: number}) == exit_code


def test_the_probe_says_no_where_nothing_listens() -> None:
    assert probed() == 1
