"""Images of digits are converted to the form of MNIST images, or one sentence gives the reason why not."""

import contextlib
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kerasbridge import datasets, mnist
from kerasbridge.errors import DataError
from kerasbridge.mnist import connected_components, load, normalize
from kerasbridge.mnist.ink import otsu
from tests.paths import EXAMPLES

DRAWN = sorted((EXAMPLES / "digits").glob("*.*g"))
DIGITS = datasets.mnist().x_test[:40]
PAPER, INK = (250, 245, 225), (20, 30, 90)


def cover(digit, scale=8):
    """Return the ink in each pixel, 0 to 255, of an enlarged MNIST digit."""
    side = scale * 28
    return Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)


def written(digit, size=(320, 300), at=(30, 50), ink=INK, on=PAPER, scale=8):
    """Return an MNIST digit written on paper."""
    sheet = Image.new("RGB", size, on)
    sheet.paste(Image.new("RGB", (28 * scale, 28 * scale), ink), at, cover(digit, scale))
    return sheet


def unevenly_lit(sheet, darkest=0.4, noise=4.0):
    """Return a photo of it: darker to the lower right, with camera noise."""
    width, height = sheet.size
    y, x = np.mgrid[:height, :width]
    light = 1 - (1 - darkest) * (0.6 * x / width + 0.4 * (y / height) ** 2)
    levels = np.asarray(sheet, float) * light[..., None] + np.random.normal(0, noise, (height, width, 1))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def read(tmp_path):
    """Write the image to a file with the given format and options, and read it again."""

    def read(image, suffix=".png", **options):
        path = tmp_path / f"digit{suffix}"
        image.save(path, **options)
        return mnist.read(path)

    return read


def message_of(path):
    with pytest.raises(DataError) as caught:
        mnist.read(path)
    return str(caught.value)


def off(one, other, shift=1):
    """Return the mean difference of two images in grey levels, allowing a shift of one pixel."""
    moves = [(y, x) for y in range(-shift, shift + 1) for x in range(-shift, shift + 1)]
    return min(np.abs(np.roll(one, move, (0, 1)).astype(int) - other).mean() for move in moves)


def centre_of_mass(image):
    y, x = np.mgrid[:28, :28]
    return (y * (image / image.sum())).sum(), (x * (image / image.sum())).sum()


def lengths(image):
    """Return the height and the width of the pixels that are not black."""
    return [int(np.ptp(np.flatnonzero(image.any(axis=axis))) + 1) for axis in (1, 0)]


def assert_in_form(image):
    assert (image.shape, image.dtype, image.max()) == ((28, 28), np.uint8, 255)
    assert max(lengths(image)) == 20
    np.testing.assert_allclose(centre_of_mass(image), 14, atol=0.5)


def test_mnist_digits_are_in_that_form():
    for digit in DIGITS[DIGITS.max(axis=(1, 2)) == 255]:
        assert_in_form(digit)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.name)
def test_drawn_pictures_are_converted_to_the_form_of_mnist(path):
    assert_in_form(mnist.read(path))


def test_there_are_twelve_of_them_and_every_digit():
    assert len(DRAWN) == 12
    assert {path.name[0] for path in DRAWN} == set("0123456789")


def test_mnist_digits_are_unchanged(read):
    assert np.mean([off(read(Image.fromarray(digit)), digit) for digit in DIGITS]) < 2


@pytest.mark.parametrize("scale", [2, 7, 20])
def test_enlarged_inverted_and_shifted_digits_are_restored_closely(read, scale):
    side = 28 * scale
    back = [read(written(digit, (2 * side, side + 9), (side - 5, 4), scale=scale)) for digit in DIGITS[:8]]
    assert np.mean([off(*pair) for pair in zip(back, DIGITS, strict=False)]) < 8  # of 33 that are not black
    assert np.mean([off(*pair) for pair in zip(back, DIGITS[1:], strict=False)]) > 30


def test_the_same_picture_gives_the_same_pixels(read):
    photo = unevenly_lit(written(DIGITS[0]))
    np.testing.assert_array_equal(read(photo), read(photo))


def test_light_on_dark_is_dark_on_light(read):
    dark = written(DIGITS[1], ink=(10, 10, 10), on=(240, 240, 240))
    np.testing.assert_allclose(read(dark).astype(int), read(Image.eval(dark, lambda level: 255 - level)), atol=1)


@pytest.mark.parametrize("at", [(0, 0), (96, 76), (-30, -30)])
def test_the_position_of_the_digit_does_not_matter(read, at):
    assert off(read(written(DIGITS[2], at=at)), read(written(DIGITS[2])), shift=0) < 0.1


def test_inks_and_papers_of_equal_brightness_are_distinguished(read):
    red, green = (190, 60, 60), (60, 124, 60)
    brightness = [Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)) for colour in (red, green)]
    assert abs(brightness[0] - brightness[1]) < 4
    assert off(read(written(DIGITS[3], ink=red, on=green)), read(written(DIGITS[3]))) < 3


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), INK])
def test_ink_on_transparency_is_ink_on_paper(read, ink):
    sheet = Image.new("RGBA", (224, 224), (*ink, 0))
    sheet.putalpha(cover(DIGITS[4]))
    assert off(read(sheet), read(written(DIGITS[4]))) < 1


def test_a_label_with_transparent_edges_is_paper(read):
    label = written(DIGITS[4]).convert("RGBA")
    edges = Image.new("L", label.size, 0)
    ImageDraw.Draw(edges).rounded_rectangle((4, 4, label.width - 5, label.height - 5), 30, fill=255)
    label.putalpha(edges)
    assert off(read(label), read(written(DIGITS[4]))) < 1


def test_uneven_light_and_noise_change_little(read):
    for digit in DIGITS[:8]:
        assert off(read(unevenly_lit(written(digit, scale=7)), ".jpg"), read(written(digit, scale=7))) < 4


def test_specks_are_ignored(read):
    sheet = written(DIGITS[5])
    clean = read(sheet)
    for x, y in np.random.randint(4, 290, (40, 2)):
        ImageDraw.Draw(sheet).ellipse((x, y, x + 3, y + 3), INK)
    assert off(read(sheet), clean) < 2


def test_a_separate_stroke_is_kept(read):
    sheet = Image.new("L", (200, 240), 255)
    pen = ImageDraw.Draw(sheet)
    pen.line([(60, 100), (60, 200), (140, 200)], 0, 16)
    pen.line([(60, 60), (120, 60)], 0, 14)
    image = read(sheet)
    assert_in_form(image)
    assert (image.max(axis=1)[4:8] > 200).any()  # the bar


def test_proportions_are_kept(read):
    sheet = Image.new("L", (300, 300), 255)
    sheet.paste(0, (100, 40, 160, 280))
    image = read(sheet)
    assert lengths(image > 127) == [20, 5]


@pytest.mark.parametrize("side", [300, 900])
def test_a_thin_line_becomes_as_thick_as_a_pen(read, side):
    sheet = Image.new("L", (side, side), 255)
    ImageDraw.Draw(sheet).ellipse((side // 4, side // 5, 3 * side // 4, 4 * side // 5), None, 0, 3)
    image = read(sheet)
    assert_in_form(image)
    assert 1.2 < normalize.stroke_width(image / 255) < 2.2


FORMATS = {
    ".png": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    ".jpg": ["L", "RGB", "CMYK"],
    ".gif": ["L", "P", "RGB"],
    ".bmp": ["1", "L", "P", "RGB"],
    ".webp": ["RGB", "RGBA"],
}


@pytest.mark.parametrize(("suffix", "mode"), [(suffix, mode) for suffix, modes in FORMATS.items() for mode in modes])
def test_every_format_and_mode_shows_the_same(read, suffix, mode):
    sheet = written(DIGITS[6], ink=(0, 0, 0), on=(255, 255, 255))
    expected = read(sheet)
    if mode == "I;16":
        sheet = Image.fromarray(np.asarray(sheet.convert("L")).astype(np.uint16) * 257)
    else:
        sheet = sheet.quantize(16) if mode == "P" else sheet.convert(mode, dither=Image.Dither.NONE)
    assert sheet.mode == mode
    assert off(read(sheet, suffix), expected) < (
        8 if mode == "1" else 3
    )  # reduction to black and white moves the edges


def test_a_palette_may_have_a_transparent_colour(read):
    sheet = written(DIGITS[6]).quantize(16)
    background = sheet.getpixel((0, 0))
    assert off(read(sheet, transparency=background), read(written(DIGITS[6]))) < 8
    assert off(read(sheet, ".gif", transparency=background), read(written(DIGITS[6]))) < 8


def test_the_exif_orientation_is_applied(read):
    sheet = written(DIGITS[7])
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated: the first row is the right side
    turned = sheet.transpose(Image.Transpose.ROTATE_90)
    assert off(read(turned, exif=exif), read(sheet)) < 0.1
    assert off(read(turned), read(sheet)) > 10


def test_a_large_picture_is_made_smaller_first(tmp_path):
    written(DIGITS[8], (3000, 2000), (1000, 600), scale=20).save(tmp_path / "large.jpg")
    assert load.load(tmp_path / "large.jpg").shape == (533, 800, 3)
    written(DIGITS[8]).save(tmp_path / "small.png")
    assert off(mnist.read(tmp_path / "large.jpg"), mnist.read(tmp_path / "small.png")) < 3


def test_regions_are_connected_also_by_corners():
    rows = ["##....#", "...#.#.", "#..##..", "##.....", "......#"]
    labels = connected_components.connected_components(np.array([[letter == "#" for letter in row] for row in rows]))
    assert labels[0, 0] == labels[0, 1] != labels[0, 6] == labels[1, 5] == labels[1, 3]
    assert len(np.unique(labels)) == 5
    assert (labels[0, 2], labels[4, 6] > 0) == (0, True)


def test_otsus_threshold_parts_two_heaps():
    values = np.concatenate([np.random.normal(0.1, 0.02, 900), np.random.normal(0.8, 0.05, 30)])
    assert 0.2 < otsu(values) < 0.7


def test_the_threshold_of_equal_values_differs_from_them():
    assert not (np.full(5, 0.5) > otsu(np.full(5, 0.5))).any()


BLANK = {
    "white": np.full((60, 80), 255),
    "black": np.zeros((60, 80)),
    "one pixel": np.zeros((1, 1)),
    "a line of light": np.tile(np.linspace(60, 250, 200), (150, 1)),
    "noise": np.random.default_rng(0).normal(128, 12, (200, 200)),
}


@pytest.mark.parametrize("levels", BLANK.values(), ids=BLANK)
def test_a_blank_picture_raises_one_sentence(tmp_path, levels):
    path = tmp_path / "blank.png"
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(path)
    assert message_of(path) == (
        f"{path} is blank: expected a digit that stands out from its paper; write it darker, or take the picture "
        "closer and in better light."
    )


def test_a_picture_that_is_all_transparent_is_blank(tmp_path):
    Image.new("RGBA", (40, 40), (9, 9, 9, 0)).save(tmp_path / "nothing.png")
    assert "nothing.png is blank" in message_of(tmp_path / "nothing.png")


def test_a_missing_file_raises_one_sentence(tmp_path):
    path = tmp_path / "no.png"
    assert message_of(path) == f"There is no file {path}: expected a picture, such as digit.png."
    assert message_of(tmp_path) == f"{tmp_path} is a folder: expected a picture; type {tmp_path}/*.png for those in it."
    assert "cannot be opened (File name too long)" in message_of(tmp_path / ("9" * 300))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_rejected_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "is not a regular file" in message_of(tmp_path / "pipe.png")


@pytest.mark.parametrize("content", [b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0", b"\x89PNG\r\n\x1a\n"])
def test_an_invalid_picture_raises_one_sentence(tmp_path, content):
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    assert message_of(path) == (
        f"{path} is not a readable picture: expected a PNG, JPEG, GIF, BMP or WebP file; save it as one of these."
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_picture_that_is_truncated_raises_one_sentence(tmp_path, suffix, share):
    whole = tmp_path / f"whole{suffix}"
    unevenly_lit(written(DIGITS[9])).save(whole)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    message = message_of(path)
    assert message.startswith(f"{path} is ")
    assert "\n" not in message
    assert message.endswith("expected a complete picture; save it again.") or "not a readable picture" in message


def test_a_corrupt_picture_gives_an_image_or_one_sentence(tmp_path):
    for suffix in (".png", ".jpg", ".gif", ".webp"):
        path = tmp_path / f"digit{suffix}"
        written(DIGITS[9], (112, 112), (0, 0), scale=4).save(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(12):
            damaged = whole.copy()
            damaged[np.random.randint(0, len(whole), 4)] = np.random.randint(0, 256, 4)
            path.write_bytes(damaged.tobytes())
            with contextlib.suppress(DataError):
                assert mnist.read(path).shape == (28, 28)


def announced(width, height):
    """Return a PNG file of a few bytes that states this size."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9000, 12_000, 100_000])
def test_a_picture_with_too_many_pixels_is_rejected_before_decoding(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(announced(side, side))
    assert message_of(path) == (
        f"{path} has more pixels than the limit of 67 million: save it smaller, 800 pixels a side are enough."
    )


def test_a_picture_with_a_side_that_is_too_long_is_rejected_before_decoding(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(announced(1, 2**25))
    assert message_of(path) == f"{path} has a side of 33,554,432 pixels: expected at most 32,768."
