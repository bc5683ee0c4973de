"""Wrong: it sends lines back and asks nobody anything."""

import dead_peers

dead_peers.ASK_AFTER = None
dead_peers.main()
