"""No container engine runs in the test suite; what can be told from the text of the Dockerfile is held here."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTRUCTIONS = [
    (line.split(None, 1)[0], line.split(None, 1)[1])
    for line in (ROOT / "Dockerfile").read_text().splitlines()
    if line and not line.startswith("#")
]
LAST_STAGE = INSTRUCTIONS[max(i for i, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]


def last(name: str) -> str:
    return [text for instruction, text in LAST_STAGE if instruction == name][-1]


def test_what_runs_is_installed_in_a_virtual_environment_of_its_own() -> None:
    installs = [text for name, text in INSTRUCTIONS if name == "RUN" and "install" in text]
    assert installs
    assert all(
        "python -m venv /opt/crossdock" in text and "/opt/crossdock/bin/pip install" in text for text in installs
    )
    assert "/opt/crossdock/bin" in last("ENV")


def test_the_server_does_not_run_as_root() -> None:
    order = [name for name, _ in LAST_STAGE]
    assert last("USER") not in ("root", "0")
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_entry_point_is_the_console_script() -> None:
    assert last("ENTRYPOINT") == '["crossdock"]'


def test_health_is_asked_at_the_port_that_is_exposed() -> None:
    assert f"127.0.0.1:{last('EXPOSE')}/healthz" in last("HEALTHCHECK")
    assert f'"--port", "{last("EXPOSE")}"' in last("CMD")


def test_the_chart_library_that_is_not_open_source_is_deleted_before_the_copy() -> None:
    build = INSTRUCTIONS[: len(INSTRUCTIONS) - len(LAST_STAGE)]
    assert any("apexcharts" in text and "-delete" in text for name, text in build if name == "RUN")


@pytest.mark.parametrize("folder", ["app", "protocols", "schemas"])
def test_every_package_is_in_the_image(folder: str) -> None:
    assert ("COPY", f"{folder} {folder}") in INSTRUCTIONS
