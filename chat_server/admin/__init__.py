"""`chat-server admin`: the operator's eyes and hands.

Two kinds of commands. Those about what is kept (`export`, `attendance`, `audit`, `backup`) read the
files in the data folder, beside a server or without one, and never write to them. Those about what
goes on (`status`, `clients`, `rooms`, `kick`, `announce`, `remove-account`, `remove-room`) ask the
server, over a Unix socket in the data folder that its owner alone can use.

    cli         the command line; what is printed; the exit code
    ask         the command's side of the socket
    desk        the server's side of it
    messages    what goes over it
    archive     the history, read from its file
    backup, export, attendance, audit
                one command each
    moments, table, files, show
                what those share: times, tables, files written whole, text made harmless
"""
