"""Wrong: the answer to step 11, which waits for the four gigabytes that somebody promised."""

import rooms

rooms.main()
