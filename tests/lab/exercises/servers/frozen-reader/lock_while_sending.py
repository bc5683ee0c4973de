"""Wrong: the answer to step 8, which holds its lock during `sendall`."""

import leaving

leaving.main()
