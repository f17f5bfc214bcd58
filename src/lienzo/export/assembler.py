"""An assembler for the part of WebAssembly's text format in which :mod:`lienzo.export.products` is written.

It reads one module of functions that share an imported memory. Instructions stand one after the other, as a stack
machine takes them, not folded into each other. Encoding: WebAssembly Core Specification 2.0, chapter 5.
"""

import itertools
import re
import struct
from collections.abc import Iterator, Sequence

TYPES = {"i32": 0x7F, "f32": 0x7D, "v128": 0x7B}
"""Types of values."""

PLAIN = {
    "end": 0x0B,
    "i32.eqz": 0x45,
    "i32.lt_u": 0x49,
    "i32.add": 0x6A,
    "i32.sub": 0x6B,
    "i32.mul": 0x6C,
    "i32.shl": 0x74,
}
"""Instructions without arguments."""

VECTORS = {"f32x4.splat": 0x13, "f32x4.add": 0xE4, "f32x4.mul": 0xE6, "f32x4.max": 0xE9}
"""Instructions on vectors of four numbers, without arguments."""

VARIABLES = {"local.get": 0x20, "local.set": 0x21, "local.tee": 0x22}
"""Instructions with the name of a variable."""

BRANCHES = {"br": 0x0C, "br_if": 0x0D}
"""Instructions with the label of a loop or a block."""

MEMORY = {
    "i32.load": (b"\x28", 2),
    "v128.load": (b"\xfd\x00", 4),
    "v128.load32_splat": (b"\xfd\x09", 2),
    "v128.store": (b"\xfd\x0b", 4),
}
"""Instructions that read or write memory, and the logarithm of their natural alignment."""

STARTS = {"block": 0x02, "loop": 0x03}
"""Instructions that begin what ``end`` ends."""

VECTOR = 0xFD
"""What precedes every instruction on vectors."""

Tree = list["str | Tree"]


def assemble(text: str) -> bytes:
    """Return the bytes of a module.

    Args:
        text: ``(module (import "from" "name" (memory 1)) (func ...) ...)``.

    Raises:
        ValueError: something that this assembler does not know.
    """
    tokens = iter(re.findall(r'[()]|"[^"]*"|[^\s()"]+', re.sub(r";;[^\n]*", "", text)))
    if next(tokens) != "(":
        raise ValueError("a module begins with (module")
    head, imports, *functions = _tree(tokens)
    if (
        head != "module"
        or not isinstance(imports, list)
        or not all(isinstance(function, list) and function[0] == "func" for function in functions)
    ):
        raise ValueError("a module is an imported memory and functions")
    assembled = [_function(function) for function in functions if isinstance(function, list)]
    imported = _text(imports[1]) + _text(imports[2]) + b"\x02\x00" + _unsigned(1)  # a memory of at least one page
    types = list(dict.fromkeys(kind for _, kind, _ in assembled))
    sections = {
        1: types,
        2: [imported],
        3: [_unsigned(types.index(kind)) for _, kind, _ in assembled],
        7: [_text(name) + b"\x00" + _unsigned(number) for number, (name, _, _) in enumerate(assembled)],
        10: [_sized(code) for _, _, code in assembled],
    }
    return b"\0asm\1\0\0\0" + b"".join(bytes([number]) + _sized(_list(items)) for number, items in sections.items())


def _tree(tokens: Iterator[str]) -> Tree:
    """Return what stands up to the parenthesis that closes."""
    found: Tree = []
    for token in tokens:
        if token == ")":
            return found
        found.append(_tree(tokens) if token == "(" else token)
    raise ValueError("a parenthesis is not closed")


def _function(tree: Tree) -> tuple[str, bytes, bytes]:
    """Return the name under which a function is exported, its type, and its code."""
    names: list[str] = []
    kinds: dict[str, list[int]] = {"param": [], "local": []}
    exported, words = "", []
    for part in tree[1:]:
        if isinstance(part, str):
            words.append(part)
        elif part[0] == "export":
            exported = str(part[1])
        elif part[0] in kinds:
            kind, name, type_of = map(str, part)
            names.append(name)
            kinds[kind].append(TYPES[type_of])
        else:
            raise ValueError(f"a function has no ({part[0]} ...)")
    kind_of_function = b"\x60" + _list([bytes([kind]) for kind in kinds["param"]]) + _list([])
    alike = [(kind, len(list(group))) for kind, group in itertools.groupby(kinds["local"])]
    locals_of = _list([_unsigned(number) + bytes([kind]) for kind, number in alike])
    return exported, kind_of_function, locals_of + _code(words, names) + b"\x0b"


def _code(words: Sequence[str], names: Sequence[str]) -> bytes:
    """Return the bytes of instructions; ``names`` are the parameters and variables, in order."""
    rest, code, labels = list(words), bytearray(), list[str]()
    while rest:
        word = rest.pop(0)
        if word in PLAIN:
            code.append(PLAIN[word])
            if word == "end":
                labels.pop()
        elif word in VECTORS:
            code += bytes([VECTOR]) + _unsigned(VECTORS[word])
        elif word in VARIABLES:
            code += bytes([VARIABLES[word]]) + _unsigned(names.index(rest.pop(0)))
        elif word in STARTS:
            labels.append(rest.pop(0))
            code += bytes([STARTS[word], 0x40])  # it leaves nothing on the stack
        elif word in BRANCHES:
            code += bytes([BRANCHES[word]]) + _unsigned(labels[::-1].index(rest.pop(0)))
        elif word in MEMORY:
            offset = rest.pop(0).removeprefix("offset=") if rest and rest[0].startswith("offset=") else "0"
            instruction, alignment = MEMORY[word]
            code += instruction + _unsigned(alignment) + _unsigned(int(offset))
        elif word == "i32.const":
            code += b"\x41" + _signed(int(rest.pop(0)))
        elif word == "f32.const":
            code += b"\x43" + struct.pack("<f", float(rest.pop(0)))
        else:
            raise ValueError(f"'{word}' is no instruction that this assembler knows")
    if labels:
        raise ValueError(f"{labels[-1]} has no end")
    return bytes(code)


def _unsigned(number: int) -> bytes:
    """Return a whole number from 0 on in LEB128: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _signed(number: int) -> bytes:
    """Return a whole number in signed LEB128."""
    encoded = bytearray()
    while not -0x40 <= number < 0x40:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number & 0x7F])


def _text(quoted: object) -> bytes:
    return _sized(str(quoted).strip('"').encode())


def _sized(data: bytes) -> bytes:
    return _unsigned(len(data)) + data


def _list(items: Sequence[bytes]) -> bytes:
    return _unsigned(len(items)) + b"".join(items)
