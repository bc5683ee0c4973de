"""Simulated clients that speak TLS."""

from chat_client.load.report.report_text import report_text
from tests.chat_client.load.runs import make_run
from tests.support.servers import address_of, running_server


def test_a_server_with_tls() -> None:
    """Clients reconnect and lose nothing. The report says that no certificate was checked."""
    with running_server(tls=True) as secure:
        result = make_run(
            address_of(secure),
            clients=10,
            rate=200.0,
            duration=0.4,
            churn=20.0,
            slow=20.0,
            shortest=100,
            longest=3000,
        )
    assert result.verdict.passed, result.verdict
    assert result.received == result.whole.confirmed * 10 > 0
    assert result.whole.connect.total > 10
    assert "certificate was not checked" in report_text(result)
