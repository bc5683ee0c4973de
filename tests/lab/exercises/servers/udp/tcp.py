"""Wrong: it speaks TCP."""

import echo

echo.main()
