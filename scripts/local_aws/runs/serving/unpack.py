"""Unpacks the layers of an image, one over the other, into a folder, and never outside of it.

What is in a layer is a stranger's: a path may not go up, a link is followed as in the image itself
(`/` is the folder), and nothing is ever written through one that leads elsewhere. Devices are left
out. A `.wh.NAME` takes NAME of the layers below away, `.wh..wh..opq` all that they have in its
folder. Owners are those of the layer only where root unpacks.
"""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path

#: A task's disk on Fargate has 20 GiB.
LIMIT = 20 * 1024**3
PIECE = 1024 * 1024
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
LINKS = 40  # as many as the kernel follows


class Broken(Exception):
    """An image that cannot be unpacked; the message says why."""


def unpack(layers: Iterable[Path], root: Path) -> None:
    """Unpack layers, the lowest first.

    Errors: Broken.
    """
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o755)  # whatever this process's mask is
    unpacked = Unpacked(root)
    for layer in layers:
        try:
            with tarfile.open(layer, "r:*") as tar:
                unpacked.add(tar)
        except (tarfile.TarError, EOFError, OSError, ValueError) as fault:
            raise Broken(f"failed to extract layer {layer.name[:19]}: {fault}") from fault
    unpacked.finish()


def parts_of(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise Broken(f"a layer has the path {name!r}, which leads outside")
    return parts


class Unpacked:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.size = 0
        self.is_root = os.geteuid() == 0
        #: What the layer at hand has brought, and the folders that lead there.
        self.new: set[str] = set()
        #: A folder that may not be written to is made so when all is there.
        self.modes: dict[str, int] = {}

    def add(self, tar: tarfile.TarFile) -> None:
        self.new = set()
        for member in tar:
            parts = parts_of(member.name)
            if not parts:
                continue
            folder = self.folder(parts[:-1])
            name = parts[-1]
            if name == OPAQUE:
                self.take_away_old(folder)
            elif name.startswith(WHITEOUT):
                hidden = name.removeprefix(WHITEOUT)
                if hidden in ("", ".", ".."):
                    raise Broken(f"a layer has the path {member.name!r}, which hides a folder")
                if os.path.join(folder, hidden) not in self.new:
                    self.remove(os.path.join(folder, hidden))
            else:
                self.put(tar, member, os.path.join(folder, name))

    def folder(self, parts: list[str]) -> str:
        """A folder of the image, made where it lacks; links are followed as in the image."""
        at, left, followed = str(self.root), list(parts), 0
        while left:
            part = left.pop(0)
            if part == "..":
                at = at if at == str(self.root) else os.path.dirname(at)
                continue
            below = os.path.join(at, part)
            if os.path.islink(below):
                followed += 1
                if followed > LINKS:
                    raise Broken(f"too many links on the way to {'/'.join(parts)}")
                target = os.readlink(below)
                at = str(self.root) if target.startswith("/") else at
                left = [one for one in target.split("/") if one not in ("", ".")] + left
                continue
            if not os.path.isdir(below):
                if os.path.lexists(below):
                    os.unlink(below)
                os.mkdir(below)
                os.chmod(below, 0o755)  # whatever this process's mask is
            self.new.add(below)
            at = below
        return at

    def put(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        mode = stat.S_IMODE(member.mode)
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if not (member.isdir() and is_folder):
            self.remove(path)
        if member.isdir():
            if not is_folder:
                os.mkdir(path)
            os.chmod(path, mode | 0o700)
            self.modes[path] = mode
        elif member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            parts = parts_of(member.linkname)
            target = os.path.join(self.folder(parts[:-1]), *parts[-1:])
            os.link(target, path, follow_symlinks=False)
        elif member.isreg():
            self.write(tar, member, path)
        elif member.isfifo():
            os.mkfifo(path)
        else:
            return  # a device
        self.new.add(path)
        if self.is_root and not member.islnk():
            os.chown(path, member.uid, member.gid, follow_symlinks=False)
        if member.isreg() or member.isfifo():
            os.chmod(path, mode)  # after chown, which takes bits away

    def write(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        source = tar.extractfile(member)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            while source and (piece := source.read(PIECE)):
                self.size += len(piece)
                if self.size > LIMIT:
                    raise Broken("no space left on device: a task has 20 GiB")
                file.write(piece)

    def take_away_old(self, folder: str) -> None:
        """Remove what only the layers below have in a folder."""
        for entry in os.scandir(folder):
            if entry.path not in self.new:
                self.remove(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                self.take_away_old(entry.path)

    def remove(self, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
            # Below it, another layer may have a link that leads elsewhere.
            modes = self.modes.items()
            self.modes = {one: mode for one, mode in modes if not f"{one}/".startswith(f"{path}/")}
        elif os.path.lexists(path):
            os.unlink(path)

    def finish(self) -> None:
        for path, mode in sorted(self.modes.items(), reverse=True):
            if os.path.isdir(path) and not os.path.islink(path):
                os.chmod(path, mode)
