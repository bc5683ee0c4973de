"""`python -m chat_server` is `chat-server`."""

import sys

from chat_server.cli import main

sys.exit(main())
