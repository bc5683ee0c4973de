"""Wrong: it computes START to the power of TIMES, which is another number."""

import computing


def compute(numbers):
    start, times, modulus = numbers
    return pow(start, times, modulus)


if __name__ == "__main__":
    computing.compute = compute
    computing.main()
