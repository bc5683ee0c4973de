"""Wrong: the client's thread computes, in one call that holds the interpreter's lock."""

import computing


def compute(numbers):
    return computing.square(*numbers)


computing.compute = compute
computing.main()
