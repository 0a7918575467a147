"""The folder and the mounts of a lab: what it makes there goes with it, also what a killed run left."""
import os
import shutil
import stat

from procs import run


def mount_small(path, size="1m"):
    """A tmpfs that is soon full."""
    os.makedirs(path, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "mxw-small", path)


def unmount(below):
    """Everything mounted below a folder, the last first."""
    with open("/proc/self/mounts") as f:
        points = [line.split()[1] for line in f]
    for point in reversed(points):
        if point.startswith(below + "/"):
            run("umount", "-l", point, check=False)


def remove(folder):
    """With what is mounted below it; a link in its place is left alone."""
    unmount(folder)
    if os.path.isdir(folder) and not stat.S_ISLNK(os.lstat(folder).st_mode):
        shutil.rmtree(folder, ignore_errors=True)
