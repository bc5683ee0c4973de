"""`python -m chat_client.load` is `chat-load`."""

import sys

from chat_client.load.control.command_line import main

sys.exit(main())
