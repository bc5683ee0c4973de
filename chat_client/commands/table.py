"""The table of all commands. A new command is one line in the file of its group."""

from chat_client.commands import (
    board_commands,
    change_commands,
    export_commands,
    file_commands,
    late_commands,
    moderation_commands,
    people_commands,
    poll_commands,
    program_commands,
    read_commands,
    room_commands,
    rule_commands,
    talk_commands,
    you_commands,
)
from chat_client.commands.command import Table

COMMANDS = Table(
    (
        *talk_commands.COMMANDS,
        *change_commands.COMMANDS,
        *poll_commands.COMMANDS,
        *room_commands.COMMANDS,
        *rule_commands.COMMANDS,
        *read_commands.COMMANDS,
        *export_commands.COMMANDS,
        *people_commands.COMMANDS,
        *you_commands.COMMANDS,
        *late_commands.COMMANDS,
        *board_commands.COMMANDS,
        *file_commands.COMMANDS,
        *moderation_commands.COMMANDS,
        *program_commands.COMMANDS,
    )
)
"""All that can be typed."""
