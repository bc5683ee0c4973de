"""The running code as a wheel, for a machine that has nothing but Python and the server's address.

It is made from the files that run, installed or in a source checkout, and holds what a wheel of the
project holds (PEP 427, and the PyPA's specification "Binary distribution format"). What the code
depends on comes from the usual index.
"""

import base64
import functools
import hashlib
import io
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

PROJECT = "backchannel"

_ROOT = Path(__file__).resolve().parents[3]
_PACKAGES = ("chat_client", "chat_server", "lab", "protocol")

_DATE = (1980, 1, 1, 0, 0, 0)
"""The beginning of ZIP's time: the same files are the same wheel, whenever it is made."""

_MODE = 0o100644 << 16
_CACHES = ("__pycache__",)

_METADATA = (("METADATA", "PKG-INFO"), ("entry_points.txt",), ("top_level.txt",))
"""What is taken over of the installation's metadata; a source checkout has another name for one."""

_WHEEL = """\
Wheel-Version: 1.0
Generator: backchannel
Root-Is-Purelib: true
Tag: py3-none-any
"""


class WheelError(Exception):
    """There can be no wheel: what it is made of is not there."""


def wheel_name() -> str:
    """Return the file name of the wheel, which an installer reads: it must be kept in a URL.

    Raises:
        WheelError: the code is not installed.
    """
    return f"{_stem()}-py3-none-any.whl"


@functools.cache
def build_wheel() -> bytes:
    """Return the wheel. It is made when it is first asked for, and kept: 0.5 MB.

    The same files make the same bytes. Any thread may ask.

    Raises:
        WheelError: the code is not installed, or its files cannot be read.
    """
    folder = f"{_stem()}.dist-info"
    try:
        content = {name: (_ROOT / name).read_bytes() for name in _code()}
        content |= {f"{folder}/{name}": data for name, data in _metadata()}
    except OSError as error:
        raise WheelError(f"{error.filename} cannot be read: {error.strerror}") from error
    content[f"{folder}/WHEEL"] = _WHEEL.encode()
    content[f"{folder}/RECORD"] = _record(content, f"{folder}/RECORD")
    return _zipped(content)


def _stem() -> str:
    """What the names of a wheel and its metadata begin with."""
    return f"{PROJECT}-{_distribution().version.replace('-', '_')}"


def _distribution() -> Distribution:
    try:
        return distribution(PROJECT)
    except PackageNotFoundError:
        raise WheelError(f"{PROJECT} runs without being installed") from None


def _code() -> list[str]:
    """The files that belong to the project, beside each other under _ROOT.

    In a source checkout those that setup.cfg installs: others in its folders are nobody's business.
    """
    import configparser  # only now: a start does not need it

    setup = configparser.ConfigParser(interpolation=None)
    setup.read(_ROOT / "setup.cfg", encoding="utf-8")
    if setup.get("metadata", "name", fallback="") != PROJECT:
        return _installed()
    found = {path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py")}
    for package, patterns in setup["options.package_data"].items():
        folder = _ROOT.joinpath(*package.split("."))
        for pattern in patterns.replace(",", "\n").split():
            found.update(path for path in folder.glob(pattern) if path.is_file())
    return [path.relative_to(_ROOT).as_posix() for path in found]


def _installed() -> list[str]:
    """The files that the installer has noted."""
    files = _distribution().files or ()
    names = [file.as_posix() for file in files if file.parts[0] in _PACKAGES]
    code = [name for name in names if not set(PurePosixPath(name).parts) & set(_CACHES)]
    if not code:
        raise WheelError(f"it is not known which files of {PROJECT} are installed")
    return code


def _metadata() -> Iterator[tuple[str, bytes]]:
    found = _distribution()
    for names in _METADATA:
        text = next((text for name in names if (text := found.read_text(name))), None)
        if text is None:
            raise WheelError(f"the installation has no {names[0]}")
        yield names[0], text.encode()
    # Where it is installed it lies beside the metadata, else at the top of the checkout; an image
    # of a container may be built without it.
    text = found.read_text("licenses/LICENSE")
    if text is not None:
        yield "licenses/LICENSE", text.encode()
    elif (_ROOT / "LICENSE").is_file():
        yield "licenses/LICENSE", (_ROOT / "LICENSE").read_bytes()


def _record(content: dict[str, bytes], own: str) -> bytes:
    """The list of files with their hashes; of itself without one."""
    lines = []
    for name in sorted(content):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content[name]).digest()).rstrip(b"=")
        lines.append(f"{name},sha256={digest.decode()},{len(content[name])}\n")
    return "".join([*lines, f"{own},,\n"]).encode()


def _zipped(content: dict[str, bytes]) -> bytes:
    import zipfile  # only now: a start does not need it

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # The metadata at the end, as the specification recommends.
        for name in sorted(content, key=lambda name: (".dist-info/" in name, name)):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, wherever it is made
            archive.writestr(entry, content[name])
    return packed.getvalue()
