"""Wrong: two threads serve all clients, so two jobs hold up the third client's ping."""

import threading

import computing

places = threading.Semaphore(2)
answer = computing.answer


def answer_in_turn(line):
    with places:
        return answer(line)


if __name__ == "__main__":
    computing.answer = answer_in_turn
    computing.main()
