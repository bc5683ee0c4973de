"""Wrong: the answer to step 2, with a thread for each client."""

import echo_many

echo_many.main()
