"""The answer to the exercise on backpressure: a relay that reads only when it can pass on."""

import socket
import sys


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            source, _ = listener.accept()
            sink, _ = listener.accept()
            with source, sink:
                while data := source.recv(65536):
                    sink.sendall(data)  # while this waits, nothing is read from the source


if __name__ == "__main__":
    main()
