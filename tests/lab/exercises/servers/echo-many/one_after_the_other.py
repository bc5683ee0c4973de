"""Wrong: the answer to step 1, in which the second client waits for the first one to leave."""

import echo

echo.main()
