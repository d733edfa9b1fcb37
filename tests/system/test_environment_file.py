"""The environment's file while services run: what they were started with holds until they are started again."""

import asyncio
import shutil
from pathlib import Path

import pytest
from support.services import Site
from support.wait import eventually

from athlete_ally.core.broker.topology import VENDOR_HOT

DEV = Path(__file__).parents[2] / "deploy" / "environments" / "dev.toml"


@pytest.mark.parametrize("text", [None, "owner = 'half a fi"], ids=["gone", "half written"])
async def test_a_running_service_reads_the_file_no_more(site: Site, tmp_path: Path, text: str | None) -> None:
    """
    A file that is gone, or is being written, makes no running service unready, and its probes still compare.
    """
    file = tmp_path / "dev.toml"
    shutil.copy(DEV, file)
    services = [
        site.service(name, AA_ENVIRONMENT_FILE=str(file)).start() for name in ("ingest", "normalize", "console")
    ]
    await asyncio.gather(*(service.ready() for service in services))
    await asyncio.to_thread(file.unlink)
    if text is not None:
        await asyncio.to_thread(file.write_text, text, "utf-8")
    # Readiness is worked out at most once a second: this deletion shows that it was worked out after the file went.
    await site.connection.api(f"STREAM.DELETE.{VENDOR_HOT}")
    ingest, normalize, console = services

    async def miss_the_stream() -> bool:
        return [await each.status("/health/ready") for each in (ingest, normalize)] == [503, 503]

    await eventually(miss_the_stream)
    answers = [await console.status(path) for path in ("/", "/streams", "/letters")]

    assert answers == [200, 200, 200]
    assert "AA_ENVIRONMENT_FILE" not in "".join(service.log for service in services)
