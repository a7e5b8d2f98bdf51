"""Lists the public names that the files of a source tree define: `python tests/public_names.py TREE`.

tests/old_names.txt is such a list.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


def public_names(root: Path) -> Iterator[str]:
    """All functions, classes and variables of phy, semantic and simulator, as "module:name"."""
    for path in sorted(
        p for top in ("phy", "semantic", "simulator") for p in root.glob(f"{top}/**/*.py")
    ):
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            yield from (f"{module}:{name}" for name in defined(node) if not name.startswith("_"))


def defined(node: ast.stmt) -> Iterator[str]:
    """The names that a statement defines; an import defines none."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        yield from (name.id for name in names if isinstance(name, ast.Name))


if __name__ == "__main__":
    print("\n".join(public_names(Path(sys.argv[1]))))
