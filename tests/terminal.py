"""Types into a shell as a person does at a terminal.

terminal.py SHELL… < STEPS

Each line of STEPS is a JSON array: keys to type, then texts that the shell has to answer with, before the next
keys are typed. It prints all that the shell said, and ends with 1 where an answer does not come.
"""

import fcntl, json, os, pty, select, struct, sys, termios

steps = [json.loads(line) for line in sys.stdin]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])

said = b""
missing = None
for keys, *answers in steps:
    os.write(terminal, keys.encode())
    start = len(said)
    while missing := next((one for one in answers if one.encode() not in said[start:]), None):
        # A shell that answers nothing is stuck.
        if not select.select([terminal], [], [], 60)[0]:
            break
        try:
            said += os.read(terminal, 65536)
        except OSError:  # The other end is closed.
            break
    if missing:
        break
sys.stdout.buffer.write(said)
if missing:
    sys.exit(f"{sys.argv[1]} does not answer {keys!r} with {missing!r}")
