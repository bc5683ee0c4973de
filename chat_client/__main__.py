"""`python -m chat_client` is `chat-client`."""

import sys

from chat_client.cli import main

sys.exit(main())
