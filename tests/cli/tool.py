"""tool.py: small jobs of the command's tests that a shell cannot do.

  tool.py npy FILE DTYPE ROWS COLS [KEY=VALUE...]  a .npy file; number k of it is (k % 7) + 1.
          version=1..3, fortran=1, shape=TEXT, header=TEXT, nan=K (number K is not one), cut=BYTES (off
          the end), extra=BYTES
  tool.py flip FILE OFFSET        flip all bits of one byte; a negative offset counts from the end
  tool.py cut FILE BYTES          remove bytes from the end
  tool.py interrupt SIGNAL COMMAND...   feed rows to the command's standard input until it has
          installed its handlers, send the signal, print the exit status
  tool.py pty SECONDS COMMAND...  run the command with stderr on a terminal while feeding it rows for
          that long; print what the terminal got
"""
import os
import pty
import signal
import struct
import subprocess
import sys
import time


def npy(path, dtype, rows, cols, *options):
    options = dict(option.split("=", 1) for option in options)
    rows, cols = int(rows), int(cols)
    shape = options.get("shape", f"({rows}, {cols})")
    fortran = "True" if options.get("fortran") == "1" else "False"
    header = options.get(
        "header", f"{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
    version = int(options.get("version", 1))
    code = {"2": "e", "4": "f", "8": "d"}.get(dtype[-1], "f")
    nan = int(options.get("nan", -1))
    data = b"".join(struct.pack("<" + code, float("nan") if k == nan else k % 7 + 1)
                    for k in range(rows * cols))
    length = struct.pack("<H" if version == 1 else "<I", len(header) + 1)
    blob = b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + b"\n" + data
    blob += b"x" * int(options.get("extra", 0))
    with open(path, "wb") as file:
        file.write(blob[:len(blob) - int(options.get("cut", 0))])


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(int(offset), os.SEEK_END if int(offset) < 0 else os.SEEK_SET)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0xFF]))


def cut(path, count):
    os.truncate(path, os.path.getsize(path) - int(count))


def catches(pid, number):
    """Whether the process has a handler for the signal."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def interrupt(name, *command):
    number = getattr(signal, name)
    signal.signal(number, signal.SIG_DFL)  # a background job hands down signals that are ignored
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    while process.poll() is None and not catches(process.pid, number):
        time.sleep(0.01)
    for i in range(1000):
        process.stdin.write(b'{"id": "key%d", "value": "x"}\n' % i)
    process.stdin.flush()
    process.send_signal(number)
    code = process.wait()  # standard input stays open: only the signal can end it
    print("ended by", signal.Signals(-code).name if code < 0 else code)


def on_terminal(seconds, *command):
    main, side = pty.openpty()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=side)
    os.close(side)
    end = time.monotonic() + float(seconds)
    i = 0
    while time.monotonic() < end:
        process.stdin.write(b'{"id": "key%d", "value": "x"}\n' % i)
        process.stdin.flush()
        i += 1
        time.sleep(0.005)
    process.stdin.close()
    shown = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    process.wait()
    print(shown.decode().replace("\r", "\n"))


if __name__ == "__main__":
    jobs = {"npy": npy, "flip": flip, "cut": cut, "interrupt": interrupt, "pty": on_terminal}
    jobs[sys.argv[1]](*sys.argv[2:])
