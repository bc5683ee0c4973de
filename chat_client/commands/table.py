"""The table of all commands. A new command is one line in the file of its group."""

from chat_client.commands import people_commands, program_commands, room_commands, you_commands
from chat_client.commands.command import Table
from chat_client.commands.in_charge import (
    board_commands,
    moderation_commands,
    poll_commands,
    rule_commands,
)
from chat_client.commands.talk import (
    change_commands,
    export_commands,
    file_commands,
    late_commands,
    read_commands,
    talk_commands,
)

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
