"""Checks before a start whether this machine can use the settings."""

import sys
from collections.abc import Callable
from pathlib import Path

from chat_server.network import tls
from chat_server.network.addresses import check_unix, resolve, resolve_endpoint
from chat_server.runtime.config.settings import Settings
from chat_server.runtime.errors import StartError
from chat_server.runtime.machine.programs import path_from_here
from chat_server.storage.data_folder import check_folder


def check(settings: Settings) -> list[str]:
    """Return a sentence for each reason why a server with these settings cannot start.

    Nothing is bound: the running server of the same settings may be using the port.
    """
    looks: tuple[Callable[[], object], ...] = (
        lambda: resolve(settings.hosts),
        lambda: check_unix(settings.unix),
        lambda: check_folder(settings.data),
        lambda: settings.metrics and resolve_endpoint(settings.metrics),
        check_metrics_library if settings.metrics else lambda: None,
        check_redis_library if settings.log else lambda: None,
        lambda: tls.check(settings),
    )
    problems = []
    for look in looks:
        try:
            look()
        except StartError as error:
            problems.append(str(error))
    return problems


def check_metrics_library() -> None:
    """Check that the library for metrics is installed.

    Raises:
        StartError: it is not installed.
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError as error:
        raise _missing("metrics need", "prometheus-client") from error


def check_redis_library() -> None:
    """Check that the library for Redis is installed.

    Raises:
        StartError: it is not installed.
    """
    try:
        import redis  # noqa: F401
    except ImportError as error:
        raise _missing("logs in Redis need", "redis") from error


def _missing(what: str, library: str) -> StartError:
    return StartError(
        f"{what} the library {library}, which is not installed. Type:  "
        f"{path_from_here(Path(sys.executable))} -m pip install {library}"
    )
