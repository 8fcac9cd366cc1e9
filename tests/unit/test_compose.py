"""``docker/``: what must hold of the compose file, the server's settings and the secrets, read as files."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path
from shutil import copytree, which
from typing import Any

import pytest
import yaml

from tracker.postgres import embedded
from tracker.postgres.engine import Role

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NAMES = sorted(SERVICES)
ASSIGNMENT = re.compile(r"^(\w+) = (.+?)(?:\s+#.*)?$", re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_every_service_runs_with_nothing_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert service.get("network_mode") is None


@pytest.mark.parametrize("name", NAMES)
def test_ports_are_open_on_the_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_database_is_reached_from_inside_only() -> None:
    for network in SERVICES["postgres"]["networks"]:
        assert COMPOSE["networks"][network]["internal"] is True
    assert "ports" not in SERVICES["postgres"]


def test_only_the_page_people_open_reaches_outside() -> None:
    outside = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert {name for name in NAMES if outside & set(SERVICES[name]["networks"])} == {"api-server"}


def test_no_secret_stands_in_the_file() -> None:
    for name in NAMES:
        for variable, value in SERVICES[name].get("environment", {}).items():
            hidden = re.search(r"PASSWORD|SECRET|FERNET|DATABASE_URL|SQL_ALCHEMY|BROKER", variable)
            assert not hidden or variable.endswith("_FILE"), f"{name}: {variable}={value}"


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_given_the_secrets_it_names_and_no_other(name: str) -> None:
    service = SERVICES[name]
    text = yaml.safe_dump(service.get("environment", {}))
    if name == "postgres":
        text += "".join(path.read_text("utf-8") for path in (DOCKER / "postgres").iterdir())
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == set(service["secrets"])
    assert set(service["secrets"]) <= set(COMPOSE["secrets"])


def test_only_what_runs_tasks_holds_keys_and_data() -> None:
    def holders(*volumes: str) -> set[str]:
        return {n for n in NAMES for v in SERVICES[n].get("volumes", []) if v.partition(":")[0] in volumes}

    assert holders("tracker", "inbox", "outbox", "anchors") == {"scheduler"}
    assert holders("status") == {"scheduler", "dag-processor"}
    assert "status:/var/lib/tracker/status:ro" in SERVICES["dag-processor"]["volumes"], (
        "it only shows the page"
    )
    assert holders("keys") == {"scheduler", "migrate"}
    assert {name for name in NAMES if "tracker_admin_url" in SERVICES[name]["secrets"]} == {"migrate"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postgres"}))
def test_nothing_starts_before_what_it_needs(name: str) -> None:
    needed = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
    if name == "migrate":
        assert needed == {"postgres": "service_healthy"}
    else:
        assert needed["migrate"] == "service_completed_successfully"


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postgres", "migrate"}))
def test_the_health_of_every_service_is_asked_by_its_name(name: str) -> None:
    assert SERVICES[name]["environment"]["SERVICE"] == name
    assert re.search(rf"^\s+{name}\) ask_api ", (DOCKER / "entrypoint.sh").read_text("utf-8"), re.MULTILINE)


def test_the_server_logs_no_value_a_client_sent() -> None:
    """The log settings of the embedded server hold here too, word for word."""
    own = dict(ASSIGNMENT.findall((DOCKER / "postgres" / "postgresql.conf").read_text("utf-8")))
    mild = dict(ASSIGNMENT.findall(embedded.SETTINGS))
    kept = {name for name in mild if name.startswith("log_")} | {"password_encryption", "fsync", "timezone"}
    assert len([name for name in kept if name.startswith("log_")]) >= 7
    assert {name: own[name] for name in kept} == {name: mild[name] for name in kept}


def test_clients_come_in_by_tls_and_scram_only() -> None:
    text = (DOCKER / "postgres" / "pg_hba.conf").read_text("utf-8")
    rules = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert all(rule[-1] in ("scram-sha-256", "reject") for rule in rules if rule[0] != "local")
    assert all(rule[0] == "hostssl" for rule in rules if rule[-1] == "scram-sha-256")
    assert [rule for rule in rules if rule[0] == "local"] == [["local", "all", "postgres", "peer"]]
    for name in set(NAMES) - {"postgres"}:
        assert SERVICES[name]["environment"]["PGSSLMODE"] == "verify-full"


def test_the_service_may_take_every_role_but_the_owners_and_the_erasers() -> None:
    script = (DOCKER / "postgres" / "init.sql").read_text("utf-8")
    assert set(re.findall(r"CREATE ROLE (tracker_\w+) NOLOGIN", script)) == set(Role)
    given = {
        login: set(re.split(r",\s+", roles))
        for roles, login in re.findall(r"GRANT (tracker_[\w,\s]+?)\s+TO (\w+)", script)
    }
    assert given == {"tracker_admin": set(Role), "tracker_service": set(Role) - {Role.OWNER, Role.ERASER}}
    assert not re.search(r"(?<!NO)(SUPERUSER|BYPASSRLS|REPLICATION|CREATEDB)", script)
    assert "CREATEROLE" not in re.sub(r"CREATE ROLE tracker_admin.*", "", script)


def test_the_image_runs_as_nobody_in_particular_and_holds_no_address_of_a_registry() -> None:
    text = (DOCKER / "Dockerfile").read_text("utf-8")
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\"healthy\"", text, re.MULTILINE)
    assert "PIP_CONSTRAINT=/opt/tracker/constraints.txt" in text
    assert not re.search(r"index-url|--trusted-host|https?://", text)


def test_only_named_things_are_sent_to_the_builder() -> None:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    copied = set(
        re.findall(r"^COPY (?:--chmod=\S+ )?([^-].*) \S+$", Path(DOCKER / "Dockerfile").read_text(), re.M)
    )
    assert {name for line in copied for name in line.split()} == {r[1:] for r in rules if r.startswith("!")}


@pytest.mark.skipif(which("openssl") is None, reason="make-secrets needs openssl")
def test_secrets_are_made_once_and_never_overwritten(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    copytree(
        DOCKER, docker, ignore=lambda folder, names: set(names) if Path(folder).name == "secrets" else []
    )
    first = subprocess.run([docker / "make-secrets"], capture_output=True, text=True, check=True)
    made = {path.name: path.read_bytes() for path in (docker / "secrets").iterdir()}
    assert {Path(one["file"]).name for one in COMPOSE["secrets"].values()} == set(made)
    assert stat.S_IMODE((docker / "secrets").stat().st_mode) == 0o700
    assert all(value.decode() not in first.stdout + first.stderr for value in made.values())
    (docker / "secrets" / "tracker_url").unlink()
    again = subprocess.run([docker / "make-secrets"], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    left = {path.name: path.read_bytes() for path in (docker / "secrets").iterdir()}
    assert left == {name: value for name, value in made.items() if name != "tracker_url"}


def test_a_secret_that_cannot_be_read_stops_the_entrypoint_and_none_is_printed(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://login:word@nowhere/name\n")
    env = {"PATH": "/usr/bin:/bin", "TRACKER_DATABASE_URL_FILE": str(secret)}
    entrypoint = str(DOCKER / "entrypoint.sh")
    seen = subprocess.run([entrypoint, "env"], env=env, capture_output=True, text=True, check=True)
    assert "TRACKER_DATABASE_URL=postgresql://login:word@nowhere/name\n" in seen.stdout
    assert "_FILE" not in seen.stdout
    assert "word" not in seen.stderr
    own = env | {"TRACKER_DATABASE_URL": "mine", "TRACKER_DATABASE_URL_FILE": ""}
    seen = subprocess.run([entrypoint, "env"], env=own, capture_output=True, text=True, check=True)
    assert "TRACKER_DATABASE_URL=mine\n" in seen.stdout
    assert "_FILE" not in seen.stdout
    env["TRACKER_DATABASE_URL_FILE"] = str(tmp_path / "gone")
    refused = subprocess.run([entrypoint, "env"], env=env, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (6, "")


def test_the_pod_template_of_the_documentation_keeps_the_same_rules() -> None:
    text = (DOCKER.parent / "docs" / "scaling.md").read_text("utf-8")
    pod = yaml.safe_load(re.findall(r"```yaml\n(.+?)```", text, re.DOTALL)[0])["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["name"] == "base"  # Airflow's name for the container of the task
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    for one in container["env"]:
        hidden = re.search(r"DATABASE_URL|SQL_ALCHEMY|FERNET|SECRET", one["name"])
        assert not hidden or one["name"].endswith("_FILE"), one["name"]
