# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of SCs, from Debian's packages to the cache; build/lab/sc has links to what was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.errors import LabError
from tests.lab.image import apt_sources, elf, overlay
from tests.lab.image.cache import entry, locked
from tests.lab.image.fingerprint import fingerprint
from tests.lab.image.rootfs import unpack_packages
from tests.lab.paths import Paths
from tests.lab.progress import say
from tests.lab.sc.recipes import RECIPES, Recipe
from tests.lab.sc.tree import write_image

_LOCK_S = 900.0


def recipe_of(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        LabError: there is none.
    """
    if name not in RECIPES:
        raise LabError(f"{name}: no image of an SC is called so. Next: use one of {', '.join(RECIPES)}")
    return RECIPES[name]


def inputs(recipe: Recipe) -> dict[str, bytes]:
    """Content of each input by name: procedures, the image's own files, APT sources, and which image it is."""
    folder = Path(__file__).parent
    files = [*sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in (".py", ".sh"))]
    files += [Path(str(module.__file__)) for module in (apt_sources, elf, overlay)]
    classic, deb822 = apt_sources.collect()
    found = {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files}
    return found | {"apt/classic": classic.encode(), "apt/deb822": deb822.encode(), "sc": recipe.name.encode()}


def build(recipes: Iterable[Recipe], work: Path) -> None:
    """Unpack the packages of these images once, and write the images into an empty directory.

    Raises:
        LabError: a step failed.
    """
    wanted = list(recipes)
    parts = _unpacked(wanted, work, work / "build.log")
    for recipe in wanted:
        write_image(recipe, parts, work)
    parts.unlink()


def ensure_sc_images(paths: Paths, names: Iterable[str]) -> Path:
    """Build the images that are not in the cache, and return the directory that has links to all of these.

    Raises:
        LabError: a name is not known, or a step of the build failed.
    """
    recipes = [recipe_of(name) for name in dict.fromkeys(names)]
    places = {recipe.name: fingerprint(inputs(recipe)) for recipe in recipes}
    absent = [recipe for recipe in recipes if not (paths.cache / places[recipe.name]).is_dir()]
    paths.sc_images.mkdir(parents=True, exist_ok=True)
    with (
        locked(paths.sc_images / ".lock", "another command of the lab to end", timeout_s=_LOCK_S),
        TemporaryDirectory(prefix=".parts-", dir=paths.sc_images) as scratch,
    ):
        unpacked: list[Path] = []

        def make(recipe: Recipe, work: Path) -> None:
            # Most of the time goes into what is done once for any number of packages.
            if not unpacked:
                unpacked.append(_unpacked({recipe, *absent}, Path(scratch), work / "build.log"))
            write_image(recipe, unpacked[0], work)

        for recipe in recipes:
            made = entry(paths.cache, places[recipe.name], partial(make, recipe))
            for file in made.glob(f"{recipe.name}.*"):
                _link(paths.sc_images / file.name, file)
    return paths.sc_images


def _unpacked(recipes: Iterable[Recipe], work: Path, log: Path) -> Path:
    wanted = sorted(recipes, key=lambda recipe: recipe.name)
    say(f"building the image of {', '.join(recipe.name for recipe in wanted)} (once)")
    parts = unpack_packages(work, log, sorted({package for recipe in wanted for package in recipe.packages}))
    for leftover in work.glob("debian.*"):
        leftover.unlink()
    return parts


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(link.name + ".partial")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


__all__ = ["build", "ensure_sc_images", "inputs", "recipe_of"]
