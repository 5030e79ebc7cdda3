"""Regular expressions as AWS's models have them (Java's), for Python."""

import functools
import re
import sys
import unicodedata
from collections.abc import Iterator

#: Characters beyond 16 bits, as Java spells them in a class: pairs of surrogates.
SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Raises re.error where even the translation is none of Python's."""
    text = pattern.replace(SURROGATES, r"\U00010000-\U0010FFFF")
    text = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", text)
    text = re.sub(r"\\p\{(\w+)\}", category_in, text)
    text = re.sub(r"(\\[wds])-(?=[^\]])", r"\1\\-", text)  # in [\w-_] it stands for itself
    return re.compile(text)


def fits(pattern: str, value: str) -> bool:
    """Whether a whole value is what a pattern asks for."""
    return compiled(pattern).fullmatch(value) is not None


def category_in(found: re.Match[str]) -> str:
    """A category where it stands: within a class, or as one of its own."""
    before = found.string[: found.start()]
    if before.count("[") > before.count("]"):
        return category(found[1])
    return f"[{category(found[1])}]"


@functools.cache
def category(name: str) -> str:
    r"""What \p{NAME} stands for within a class: ranges of Unicode, or Java's names for ASCII."""
    ascii_names = {"Print": "\x20-\x7e", "Cntrl": "\x00-\x1f\x7f", "ASCII": "\x00-\x7f"}
    ascii_names |= {"Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "Digit": "0-9", "Graph": "\x21-\x7e"}
    if name in ascii_names:
        return ascii_names[name]
    name = name.removeprefix("Is")
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges(name))


def ranges(name: str) -> Iterator[tuple[int, int]]:
    """The characters of a category such as L or Zs, as ranges."""
    first = None
    for code in range(sys.maxunicode + 2):
        within = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(name)
        if within and first is None:
            first = code
        elif not within and first is not None:
            yield first, code - 1
            first = None
