"""What terminals do to a command, for terminal.test.ts.

terminal.py shown COMMAND...        runs it on a new terminal, prints every byte that the terminal got
terminal.py closed FILE COMMAND...  its streams are a terminal that is closed once FILE (a glob) is there;
                                    it is not the terminal's session
terminal.py hungup FILE COMMAND...  the same in the terminal's session, which the kernel sends SIGHUP

The last two print the exit code of COMMAND.
"""
import glob
import os
import pty
import select
import subprocess
import sys

mode, *rest = sys.argv[1:]


def drained(terminal):
    """Yields what is written to the terminal until its last writer ends."""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            return
        if not part:
            return
        yield part


if mode == 'shown':
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(rest[0], rest)
    for part in drained(terminal):
        os.write(1, part)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

file, *command = rest
if mode == 'hungup':
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    wait = lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
else:
    terminal, streams = pty.openpty()
    child = subprocess.Popen(command, stdin=streams, stdout=streams, stderr=streams, start_new_session=True)
    os.close(streams)
    wait = child.wait
while not glob.glob(file):
    # Unread text would fill the terminal and hold up its writer.
    if select.select([terminal], [], [], 0.05)[0]:
        os.read(terminal, 65536)
os.close(terminal)
print(wait())
