"""The works of many small rooms, and of coming in. A generator in C does them: see generator.c."""
