"""Wrong: nobody is accepted while a job runs."""

import threading

import computing

lock = threading.Lock()  # held while a job runs, and to begin with a client
compute, run = computing.compute, computing.run


def compute_alone(numbers):
    with lock:
        return compute(numbers)


def run_when_done(connection):
    with lock:
        pass
    run(connection)


if __name__ == "__main__":
    computing.compute, computing.run = compute_alone, run_when_done
    computing.main()
