"""`python -m chat_client.load` is `chat-load`."""

import sys

from chat_client.load.cli import main

sys.exit(main())
