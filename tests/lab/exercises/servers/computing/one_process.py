"""Wrong: one process computes for all, so a short job waits for a long one."""

import computing

if __name__ == "__main__":
    computing.PROCESSES = 1
    computing.main()
