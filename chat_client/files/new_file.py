"""Files that a command writes where the user says: never in place of another."""

from pathlib import Path

from chat_client.errors import CommandError


def write_new(path: Path, text: str) -> None:
    """Write a text, in UTF-8 and as it is, to a file that is not there yet.

    Raises:
        CommandError: it is there already, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another name") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
