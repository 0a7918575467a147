"""The files of a source tree, for the checks beside this module."""
import os
import subprocess


def files(root):
    """Paths below root, relative and sorted: those git tracks, or all but build/ without git."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-z"], check=True,
                             capture_output=True, text=True).stdout
        names = [n for n in out.split("\0") if n]
    except (OSError, subprocess.CalledProcessError):
        names = []
    if not names:
        for folder, inner, here in os.walk(root):
            inner[:] = [d for d in inner if d not in (".git", "build", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, n), root) for n in here]
    return sorted(n for n in names if os.path.isfile(os.path.join(root, n)))


def text(root, name):
    """The file's text, or None for what is no text."""
    with open(os.path.join(root, name), "rb") as f:
        data = f.read()
    if b"\0" in data:
        return None
    return data.decode("utf-8", errors="replace")


def main(check):
    """Runs check(root) -> list of problems for the root given, prints them, gives the exit code."""
    import sys
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0
