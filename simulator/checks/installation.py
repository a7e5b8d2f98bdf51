"""What `simulate doctor` looks at: programs, devices, caches, weights, fonts, optional packages.

Every look is made by itself and imports its libraries itself: one that fails hides no other.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Literal

from semantic.parts.errors import message
from simulator.environment import numba_finds_a_cache

NAME = "semharq-sim"
#: Families of fonts for figures in the style of a paper, the first one that is there is used.
SERIF = ("Times New Roman", "Nimbus Roman", "TeX Gyre Termes", "Liberation Serif", "STIXGeneral")
#: Image codecs of Pillow that not every build of it has.
CODECS = ("webp", "avif")
#: Beside the schemes of `LEARNED`: files of weights in the package, and schemes that have none there.
IN_PACKAGE = ("semharq-plus", "plus-hybrid", "digital-vq", "deepjscc-c10")
TO_TRAIN = ("smsc-stc", "feature-jscc-f")
#: Most packages that are named of an extra with all of its packages.
SHOWN = 3

State = Literal["ok", "missing", "fails"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: Heading under which it is listed.
        name: Its name.
        value: What was found.
        state: "ok"; "missing" for something that not every run needs; "fails" for an error.
        hint: How to get it; "" if nothing is missing.
    """

    topic: str
    name: str
    value: str
    state: State = "ok"
    hint: str = ""


Look = Callable[[], Iterator[Finding]]


def findings() -> Iterator[Finding]:
    """Looks at everything. An exception is the finding of its topic."""
    looks: dict[str, Look] = {
        "programs": programs,
        "devices": devices,
        "threads": threads,
        "caches": caches,
        "weights": weights,
        "figures": fonts,
        "optional": optional,
    }
    for topic, look in looks.items():
        try:
            yield from look()
        except Exception as error:  # a broken library can raise anything when it is imported
            text = f"{type(error).__name__}: {message(error)}"
            yield Finding(topic, "error", text, "fails", "reinstall the library that fails")


def programs() -> Iterator[Finding]:
    """Versions of Python, of the simulator and of each library that it requires."""
    here = Path(__file__).parents[2]
    yield Finding("programs", "python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("programs", "system", f"{platform.platform()}, {platform.machine()}")
    try:
        own = distribution(NAME)
    except PackageNotFoundError:
        hint = f"pip install -e {here}"
        yield Finding("programs", NAME, f"not installed, used from {here}", "missing", hint)
        return
    yield Finding("programs", NAME, f"{own.version} ({here})")
    for requirement in own.requires or ():
        if "extra ==" not in requirement:
            yield _library("programs", requirement, "fails", f"pip install '{requirement}'")


def _library(topic: str, requirement: str, state: State, hint: str) -> Finding:
    """Compares the installed version of a library with a requirement such as "torch>=2.6"."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return Finding(topic, wanted.name, "not installed", state, hint)
    if not wanted.specifier.contains(found, prereleases=True):
        return Finding(topic, wanted.name, f"{found}, not {wanted.specifier}", state, hint)
    return Finding(topic, wanted.name, found)


def devices() -> Iterator[Finding]:
    """The GPUs that torch can use."""
    import torch

    built = torch.version.cuda
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            memory = (
                f"{card.total_memory / 2**30:.0f} GiB, compute capability {card.major}.{card.minor}"
            )
            yield Finding("devices", f"cuda:{number}", f"{card.name}, {memory}")
    elif Path("/proc/driver/nvidia/version").exists():
        if built is None:
            value, hint = "a GPU is there; torch is built for the CPU", "docs/gpu.md"
        else:
            value = f"a GPU is there; torch, built for CUDA {built}, cannot use it"
            hint = "update the driver, or install torch for an older CUDA: docs/gpu.md"
        yield Finding("devices", "cuda", value, "missing", hint)
    else:
        yield Finding("devices", "cuda", "no GPU; runs use the CPU")
    yield Finding("devices", "cpu", f"{os.cpu_count()} cores{_memory()}")


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not on every system
        return ""
    return f", {size / 2**30:.1f} GiB of memory"


def threads() -> Iterator[Finding]:
    """Threads of the libraries, and the cores that this process may use."""
    import numba
    import torch

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("threads", "cores", f"{allowed} may be used")
    yield Finding("threads", "torch", str(torch.get_num_threads()))
    yield Finding("threads", "numba", str(numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        yield Finding("threads", name, os.environ.get(name, "not set"))


def caches() -> Iterator[Finding]:
    """Folders, sizes and limits of the caches of compiled code and of encoder outputs."""
    from simulator.cache import LIMIT_BYTES, OURS, cache_directory

    folders = numba_folders()
    compiled = (
        file for folder in folders for file in _files(folder) if file.suffix in (".nbi", ".nbc")
    )
    shown = ", ".join(map(str, folders[:1])) + (" and its subfolders" if folders[1:] else "")
    if numba_finds_a_cache() or "NUMBA_CACHE_DIR" in os.environ:
        yield Finding("caches", "numba", f"{_size(compiled)} in {shown}")
    else:
        hint = "set NUMBA_CACHE_DIR to a folder that you can write to"
        yield Finding("caches", "numba", "none: every run compiles anew", "missing", hint)
    folder = cache_directory()
    limit = f"at most {LIMIT_BYTES / 2**30:g} GiB"
    used = _size(file for file in _files(folder) if OURS.fullmatch(file.name))
    if _can_write(folder):
        yield Finding("caches", "encoder", f"{used}, {limit}, in {folder}")
    else:
        hint = "set SEMHARQ_CACHE to a folder that you can write to"
        yield Finding("caches", "encoder", f"{used}; {folder} is locked", "missing", hint)


def numba_folders() -> list[Path]:
    """Returns the folders in which numba keeps what it has compiled of this package."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [Path(named)]
    phy = Path(__file__).parents[2] / "phy"
    if os.access(phy, os.W_OK):
        return [phy]
    return [Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"]


def _files(folder: Path) -> Iterator[Path]:
    return (Path(root) / name for root, _, names in os.walk(folder) for name in names)


def _size(files: Iterable[Path]) -> str:
    """Number and size of some files.

    >>> _size([Path(__file__)]).split()[1:]
    ['file,', '0.0', 'MiB']
    """
    sizes = [file.stat().st_size for file in files if file.is_file()]
    return f"{len(sizes)} file{'s' * (len(sizes) != 1)}, {sum(sizes) / 2**20:.1f} MiB"


def _can_write(folder: Path) -> bool:
    """Whether a folder, or the first one above it that exists, can be written to."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def weights() -> Iterator[Finding]:
    """The weights and the test images in the package; weights that it does not have."""
    from semantic.data.embedded import open_synthetic
    from semantic.link.protocol import LEARNED
    from semantic.plus.variants import VARIANTS
    from semantic.weights.files import WeightsError, read_weights
    from semantic.weights.stored import PRETRAINED

    again = f"the installation is incomplete: pip install --force-reinstall --no-deps {NAME}"
    files = [PRETRAINED / f"{name}.safetensors" for name in ("encoder", *LEARNED, *IN_PACKAGE)]
    for file in files:
        try:
            read_weights(file)
        except (WeightsError, OSError) as error:
            yield Finding("weights", file.name, message(error), "fails", again)
    yield Finding("weights", "package", f"{_size(files)}, in {PRETRAINED}")
    for name in (*TO_TRAIN, *(name for name in VARIANTS if name not in IN_PACKAGE)):
        train = f"simulate train --scheme {name} --data DIR --out DIR"
        yield Finding("weights", name, "not in the package", "missing", train)
    try:
        images = open_synthetic()
    except ValueError as error:
        yield Finding("weights", "test images", message(error), "fails", again)
    else:
        yield Finding("weights", "test images", f"{len(images)} images of {images.name}")


def fonts() -> Iterator[Finding]:
    """The fonts of figures."""
    from matplotlib.font_manager import FontProperties, findfont

    def there(family: str) -> bool:
        try:
            return bool(findfont(FontProperties(family=[family]), fallback_to_default=False))
        except ValueError:
            return False

    plain = "DejaVu Sans"
    state: State = "ok" if there(plain) else "fails"
    hint = "" if there(plain) else "pip install --force-reinstall matplotlib"
    yield Finding("figures", "sans serif", plain if not hint else "none", state, hint)
    found = [family for family in SERIF if there(family)]
    if found[:1] == [SERIF[0]]:
        yield Finding("figures", "serif", found[0])
    else:
        value = f"{SERIF[0]}; {found[0] if found else 'no other one'} takes its place"
        yield Finding("figures", "serif", value, "missing", f"install the font {SERIF[0]}")


def optional() -> Iterator[Finding]:
    """The optional dependencies, and what they need of the system."""
    yield from (_renderer(), *_codecs())
    with suppress(PackageNotFoundError):  # `programs` says that the package is not installed
        own = distribution(NAME)
        for extra in own.metadata.get_all("Provides-Extra") or ():
            wanted = [text.partition(";")[0] for text in own.requires or () if _of(extra, text)]
            get = f"pip install '{NAME}[{extra}]'"
            looked = [_library("optional", text, "missing", get) for text in wanted]
            missing = [f"{each.name} {each.value}" for each in looked if each.state != "ok"]
            found = ", ".join(missing or [f"{each.name} {each.value}" for each in looked][:SHOWN])
            yield Finding("optional", f"[{extra}]", found, *(("missing", get) if missing else ()))


def _of(extra: str, requirement: str) -> bool:
    """Whether a requirement belongs to an extra.

    >>> _of("train", "tensorboard>=2.16; extra == 'train'"), _of("train", "torch>=2.6")
    (True, False)
    """
    condition = requirement.partition(";")[2].replace('"', "'")
    return f"extra == '{extra}'" in condition


def _renderer() -> Finding:
    """OpenGL without a display, which `simulate data synthetic` needs."""
    from ctypes.util import find_library

    if sysconfig.get_platform().startswith("linux") and find_library("EGL") is None:
        hint = "apt-get install libegl1 libgl1-mesa-dri"
        return Finding("optional", "EGL", "not found: nothing can be rendered", "missing", hint)
    return Finding("optional", "EGL", "found")


def _codecs() -> Iterator[Finding]:
    from PIL import features

    for codec in CODECS:
        if features.check(codec):
            yield Finding("optional", codec, "Pillow reads and writes it")
        else:
            hint = "pip install --upgrade pillow (a wheel of PyPI)"
            yield Finding("optional", codec, "this Pillow does not have it", "missing", hint)
