"""Airflow's REST API as a test asks it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Self

import httpx

from tracker.desk.airflow_services import Address


class Api:
    """A logged-in session."""

    def __init__(self, address: Address) -> None:
        self.http = httpx.Client(base_url=address.url, timeout=60, trust_env=False)
        login = {"username": address.user, "password": address.password}
        token = self._told(self.http.post("/auth/token", json=login))["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.close()

    def get(self, path: str) -> dict[str, Any]:
        return self._told(self.http.get(f"/api/v2/{path}"))

    def ui(self, path: str) -> dict[str, Any]:
        """What Airflow's own pages ask."""
        return self._told(self.http.get(f"/ui/{path}"))

    def trigger(self, dag: str, **conf: Any) -> str:
        """Start a run by hand; its id."""
        asked = {"logical_date": None, "conf": conf}
        return str(self._told(self.http.post(f"/api/v2/dags/{dag}/dagRuns", json=asked))["dag_run_id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"dags/{dag}/dagRuns?order_by=run_after")["dag_runs"]
        return found

    def tasks(self, dag: str, run: str) -> Counter[tuple[str, str]]:
        """How many of each task are in each state."""
        found = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
        return Counter((task["task_id"], str(task["state"])) for task in found)

    def wait(self, dag: str, run: str, seconds: float = 420) -> str:
        """The state a run ends in."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state = self.get(f"dags/{dag}/dagRuns/{run}")["state"]
            if state in ("success", "failed"):
                return str(state)
            time.sleep(0.5)
        raise TimeoutError(f"{dag} {run} is not done: {self.tasks(dag, run)}")

    def wait_for_run(self, dag: str, seconds: float = 420, than: int = 0) -> dict[str, Any]:
        """The newest run of a DAG once it has more than ``than`` and none is under way."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            runs = self.runs(dag)
            if len(runs) > than and all(run["state"] in ("success", "failed") for run in runs):
                return runs[-1]
            time.sleep(0.5)
        raise TimeoutError(f"{dag} did not run")

    @staticmethod
    def _told(answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, f"{answer.status_code} {answer.text[:500]}"
        told: dict[str, Any] = answer.json()
        return told
