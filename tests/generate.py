"""Regenerates what is committed and diffed: the schema dump, the chain, the delivery specifications."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tracker.domain.chain import chain_diagram, default_chain
from tracker.harmonise.code_lists import package_code_lists
from tracker.intake.spec_files import load_specs
from tracker.intake.specification import specification_markdown
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.schema import ROOT, dump_schema, upgrade


def documents() -> dict[Path, str]:
    """Path and content of each generated document that needs no database."""
    lists = package_code_lists().lists
    specifications = {
        ROOT / "docs" / "leveransspecifikation" / f"{name}.md": specification_markdown(spec, lists)
        for name, spec in load_specs().items()
    }
    return {ROOT / "docs" / "chain.md": _chain(), **specifications}


def _chain() -> str:
    chain = default_chain()
    return f"""# The chain of states

Version `{chain.version}`. A child can have several things open; its state is the furthest open one
(highest rank). `closed` means that nothing is open any more. An episode begins when something opens while
nothing is open, and ends when the last open thing closes. The declaration is `tracker/domain/chain.py`;
a researcher can declare another.

```mermaid
{chain_diagram(chain).strip()}
```
"""


def main() -> None:
    """Write every generated file."""
    for path, content in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedServer(Path(folder) / "postgres")
        try:
            url = server.start()
            upgrade(url)
            (ROOT / "migrations" / "schema.sql").write_text(dump_schema(url), encoding="utf-8")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
