"""Tiny runs, end to end: three kinds of servers, a few members, a fraction of a second."""

from pathlib import Path

import pytest

from benchmarks import servers
from benchmarks.compare.figures import Figures
from benchmarks.compare.report import write_page
from benchmarks.compare.works import Work
from benchmarks.servers import BEGIN, ONE, PAGE, SQLITE, TWO, main, page_part
from tests.support.redis_server import needs_redis

TINY = ["--members", "6", "--talkers", "2", "--window", "4", "--rate", "100"]
BRIEF = ["--rounds", "1", "--seconds", "0.3", "--warm-up", "0"]
SATURATED = Work("as much", 10, talkers=4, window=4)


def figures(deliveries: int, server_cpu: float, engine_cpu: float = 0.0) -> Figures:
    """What ten seconds may have come to."""
    return Figures(
        rounds=1,
        seconds=10.0,
        deliveries=deliveries,
        server_cpu=server_cpu,
        engine_cpu=engine_cpu,
    )


@pytest.mark.bench
@needs_redis
def test_a_run_measures_every_setup_and_work(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody lacks a message, whichever server they are on."""
    assert main([*TINY, *BRIEF]) == 0
    _, _, page = capsys.readouterr().out.partition("\n\n")
    rows = [line for line in page.splitlines() if line.startswith(("| one", "| two"))]
    assert len(rows) == 6
    assert "went wrong" not in page
    paced = [row.split(" | ")[-1] for row in rows[3:]]
    assert all("/" in times for times in paced)


def test_what_the_second_server_adds_is_also_told_for_a_core_of_its_own() -> None:
    """Two that share what one had add little, and deliver nearly as much for each second."""
    table = {
        (SATURATED, SQLITE): figures(50_000_000, 10.0),
        (SATURATED, ONE): figures(40_000_000, 10.0, 1.0),
        (SATURATED, TWO): figures(50_000_000, 12.5, 2.5),
    }
    page = page_part(table, ["a machine"])
    assert "adds 0.25 of what" in page
    assert "with a core for each server 1.00, and Redis would take 40% of its own." in page
    assert "| one server, SQLite | 5,000 | 5,000 | 100% | - | 0% | - |" in page


def test_what_went_wrong_is_on_the_page() -> None:
    table = {(SATURATED, setup): figures(10, 1.0) for setup in servers.SETUPS}
    table[SATURATED, TWO].troubles.append("2 messages lost for all")
    assert page_part(table, []).endswith("- two servers, Redis, as much: 2 messages lost for all")


def test_the_page_has_a_place_for_the_tables(tmp_path: Path) -> None:
    page = tmp_path / "scaling.md"
    page.write_text(PAGE.read_text())
    write_page(page, "the tables", BEGIN)
    before, _, _ = PAGE.read_text().partition(BEGIN)
    assert page.read_text().startswith(f"{before}{BEGIN}\n\nthe tables\n\n<!-- end -->\n")


def test_no_talkers_is_wrong_use() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--talkers", "0"])
