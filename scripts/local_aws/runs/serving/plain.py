"""How the command of an image is run on a machine that gives it no root of its own.

A static program is run from the image's folder as it is. A dynamic one is run by the image's own
loader, which is told where the image's libraries are; a script by its interpreter. Arguments that
are paths of the image become paths of the folder. What a program opens by itself it finds in this
machine's files: most servers of a few files run so, a whole distribution does not.
"""

import os
import struct
from pathlib import Path

from .containers import Refused

LIBRARIES = ("lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib")
HOPS = 40  # as many links as the kernel follows
INTERPRETERS = 4


def inside(root: Path, path: str, folder: str = "/") -> Path | None:
    """The file of a path of the image, whose links lead to the image's files; None where none."""
    at, followed = root, 0
    left = [*folder.split("/"), *path.split("/")] if not path.startswith("/") else path.split("/")
    while left:
        part = left.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            at = at if at == root else at.parent
            continue
        below = at / part
        if below.is_symlink():
            followed += 1
            if followed > HOPS:
                return None
            target = os.readlink(below)
            at = root if target.startswith("/") else at
            left = target.split("/") + left
            continue
        at = below
    return at if at.exists() else None


def find(root: Path, name: str, path: str, workdir: str) -> Path:
    """The program of a name, as execvp finds it in the image.

    Errors: Refused.
    """
    if "/" in name:
        found = inside(root, name, workdir)
        if found is None:
            raise Refused(f'exec: "{name}": stat {name}: no such file or directory')
        return found
    for folder in path.split(":"):
        found = inside(root, f"{folder}/{name}", workdir)
        if found and found.is_file():
            return found
    raise Refused(f'exec: "{name}": executable file not found in $PATH')


def loader_of(head: bytes) -> str:
    """The loader that an ELF file asks for; "" for a static one, or what is none."""
    if head[:4] != b"\x7fELF" or head[4:6] != b"\x02\x01":  # 64 bits, little-endian
        return ""
    start, size, number = (
        struct.unpack_from("<Q", head, 32)[0],
        *struct.unpack_from("<HH", head, 54),
    )
    for index in range(number):
        at = start + index * size
        if at + 40 <= len(head) and struct.unpack_from("<I", head, at)[0] == 3:  # PT_INTERP
            offset, length = (
                struct.unpack_from("<Q", head, at + 8)[0],
                struct.unpack_from("<Q", head, at + 32)[0],
            )
            return head[offset : offset + length].rstrip(b"\0").decode(errors="replace")
    return ""


def libraries(root: Path) -> str:
    """The image's folders of libraries, as a loader takes them."""
    folders = []
    for name in LIBRARIES:
        folder = inside(root, f"/{name}")
        if folder:
            folders += [str(folder), *(str(one) for one in sorted(folder.glob("*-linux-*")))]
    return ":".join(dict.fromkeys(folders))


def command(root: Path, argv: list[str], path: str, workdir: str) -> list[str]:
    """The words by which this machine runs a command of an image; the first is a file.

    Errors: Refused.
    """
    arguments = []
    for one in argv[1:]:
        file = inside(root, one) if one.startswith("/") and one != "/" else None
        arguments.append(str(file) if file else one)
    program = find(root, argv[0], path, workdir)
    before: list[str] = []
    for _ in range(INTERPRETERS):
        with program.open("rb") as file_of_program:
            head = file_of_program.read(4096)
        if head.startswith(b"#!"):
            words = head[2:].split(b"\n")[0].decode(errors="replace").split(None, 1)
            before = [*words[1:], str(program), *before]
            program = find(root, words[0] if words else "", path, workdir)
            continue
        if loader := loader_of(head):
            with_libraries = ["--library-path", libraries(root), str(program)]
            return [str(find(root, loader, path, "/")), *with_libraries, *before, *arguments]
        return [str(program), *before, *arguments]
    raise Refused(f'exec: "{argv[0]}": too many levels of interpreters')
