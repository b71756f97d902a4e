"""Damage a file in a way that its seed, format and number determine, so that it can be repeated."""

import io
import json
import re
import zipfile

NUMBERS = (0, 1, -1, 127, 128, 255, 2**15, 2**16, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**63 - 1, 10**30)
_DIGITS = re.compile(rb"\d+")
_MAX_WHOLE = 4096


def truncations(content):
    """Return the lengths that a file is cut to: each of a small file, a thousand of a larger one."""
    step = 1 if len(content) <= _MAX_WHOLE else len(content) // 1000
    return range(0, len(content), step)


def mutate(draw, content, others, parse=None):
    """Return a damaged copy of a file.

    Args:
        draw: a `random.Random`.
        others: contents of which pieces are inserted.
        parse: returns the protobuf message of the file, for damage within its structure.
    """
    if content.startswith(b"PK") and draw.random() < 0.7:  # otherwise the checksum of the member hides the damage
        return _in_member(draw, content, others)
    if parse is not None and draw.random() < 0.5:
        return _in_message(draw, parse(content))
    if content[:1] in (b"{", b"[") and draw.random() < 0.5:
        return _in_json(draw, content)
    changed = bytearray(content)
    kinds = _SAME_LENGTH if draw.random() < 0.5 else _KINDS
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        draw.choice(kinds)(draw, changed, others)
    return bytes(changed)


def _in_member(draw, content, others):
    """Damage one member of a zip file, or its name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info), info.compress_type) for info in archive.infolist()]
    chosen, result = draw.randrange(len(members)), io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for place, (name, member, method) in enumerate(members):
            if place == chosen:
                member = mutate(draw, member, others)
                name = draw.choice(("../up", "/root", "a\0b", name * 50)) if draw.random() < 0.02 else name
            archive.writestr(name, member, method)
    return result.getvalue()


def _in_message(draw, message):
    """Change one field of a protobuf message, at any depth."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        inner = message
        while True:
            fields = [(field, value) for field, value in inner.ListFields()]
            if not fields:
                break
            field, value = draw.choice(fields)
            repeated = not hasattr(value, "ListFields") and not isinstance(value, int | float | str | bytes | bool)
            if field.message_type is None:
                _change_field(draw, inner, field, value, repeated)
                break
            if repeated and draw.random() < 0.1:
                _change_list(draw, value)
                break
            inner = draw.choice(value) if repeated else value
    return message.SerializeToString()


def _change_list(draw, values):
    """Remove, repeat or append entries."""
    if draw.random() < 0.5:
        del values[draw.randrange(len(values))]
    else:
        values.add().CopyFrom(draw.choice(values))


def _change_field(draw, message, field, value, repeated):
    if repeated and draw.random() < 0.4:
        value.append(draw.choice(value))
        return
    old = draw.choice(value) if repeated else value
    if isinstance(old, str):
        new = draw.choice(("", "x", old[1:], old * 3, "Square", "Pow", "MatMul"))
    elif isinstance(old, bytes):
        new = draw.choice((b"", old[1:], old + old, bytes(len(old))))
    else:
        new = draw.choice((*NUMBERS, draw.randrange(-5, 10)))
    try:
        if repeated:
            value[draw.randrange(len(value))] = new
        else:
            setattr(message, field.name, new)
    except (ValueError, TypeError, OverflowError):
        message.ClearField(field.name)


def _in_json(draw, content):
    """Change one value of a JSON text, at any depth; a header of a .safetensors file is not one."""
    try:
        whole = json.loads(content)
    except ValueError:
        return content[: draw.randrange(len(content) + 1)]
    for _ in range(draw.choice((1, 1, 2, 4))):
        inner = whole
        while isinstance(inner, dict | list) and inner:
            key = draw.choice([*inner]) if isinstance(inner, dict) else draw.randrange(len(inner))
            if draw.random() < 0.4 or not isinstance(inner[key], dict | list):
                if draw.random() < 0.2:
                    del inner[key]
                else:
                    inner[key] = draw.choice(
                        (None, "", "x", [], {}, True, -1.5, [[1]], {"class_name": "Dense"}, *NUMBERS)
                    )
                break
            inner = inner[key]
    return json.dumps(whole).encode()


def _position(draw, content):
    return draw.randrange(len(content) + 1)


def _flip_bit(draw, content, others):
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _set_byte(draw, content, others):
    if content:
        content[draw.randrange(len(content))] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))


def _insert(draw, content, others):
    at = _position(draw, content)
    content[at:at] = draw.randbytes(draw.choice((1, 1, 2, 4, 8, 40)))


def _delete(draw, content, others):
    at = _position(draw, content)
    del content[at : at + draw.choice((1, 1, 2, 4, 8, 40, 400))]


def _repeat(draw, content, others):
    at = _position(draw, content)
    content[at:at] = content[at : at + draw.choice((1, 4, 16, 100, 1000))] * draw.choice((1, 1, 3, 30))


def _splice(draw, content, others):
    other = draw.choice(others)
    start, at = _position(draw, other), _position(draw, content)
    length = draw.choice((2, 8, 40, 400))
    content[at : at + draw.choice((0, length))] = other[start : start + length]


def _cut(draw, content, others):
    del content[_position(draw, content) :]


def _set_number(draw, content, others):
    """Overwrite bytes by a number that readers may not expect."""
    size = draw.choice((1, 2, 4, 8))
    at = _position(draw, content)
    number = draw.choice(NUMBERS) % 256**size
    content[at : at + size] = number.to_bytes(size, draw.choice(("little", "big")))


def _set_digits(draw, content, others):
    """Replace a number that is written in digits."""
    found = [*_DIGITS.finditer(content[: 2**16])]
    if found:
        match = draw.choice(found)
        content[match.start() : match.end()] = str(draw.choice(NUMBERS)).encode()


def _overwrite(draw, content, others):
    """Replace bytes by as many from elsewhere."""
    other, length = draw.choice(others), draw.choice((2, 4, 8, 40))
    start, at = _position(draw, other), _position(draw, content)
    piece = other[start : start + length]
    content[at : at + len(piece)] = piece


_SAME_LENGTH = (_flip_bit, _set_byte, _set_number, _overwrite)
_KINDS = (_insert, _delete, _repeat, _splice, _cut, _set_digits, *_SAME_LENGTH)
