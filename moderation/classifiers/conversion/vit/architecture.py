"""The plain vision transformer: its sizes by name, and the tensors that it consists of.

Source: Dosovitskiy et al. (2021), https://arxiv.org/abs/2010.11929, with the tensor names of timm's
``VisionTransformer`` (class token, learned positions, pre-norm blocks, one linear head).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Pool = Literal["token", "avg"]
Shape = tuple[int, ...]

#: Width, depth and heads of each size. DeiT's networks have the same sizes and were trained in another way.
_SIZES = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16)}
_NAME = re.compile(rf"(?:vit|deit)_({'|'.join(_SIZES)})_patch(8|16|32)_(\d{{2,4}})(?:\..*)?")
ACCEPTED_NAMES = f"vit_SIZE_patchP_N and deit_SIZE_patchP_N, SIZE one of {', '.join(_SIZES)}, P one of 8, 16, 32"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionTransformer:
    """The sizes of one network.

    Attributes:
        side: height and width of the input in pixels, a multiple of ``patch``.
        width: length of a token, a multiple of ``heads``.
        pool: input of the head: the class token, or the mean of the other tokens.
    """

    side: int
    patch: int
    width: int
    depth: int
    heads: int
    classes: int
    pool: Pool = "token"

    @classmethod
    def named(cls, name: str, *, classes: int, pool: Pool = "token") -> "VisionTransformer | None":
        """Return the network that timm calls ``name``, or None when it is not a plain vision transformer."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        size, patch, side = found[1], int(found[2]), int(found[3])
        if side % patch:
            return None
        width, depth, heads = _SIZES[size]
        return cls(side=side, patch=patch, width=width, depth=depth, heads=heads, classes=classes, pool=pool)

    @property
    def tokens(self) -> int:
        """Number of tokens: the patches and the class token."""
        return (self.side // self.patch) ** 2 + 1

    @property
    def hidden(self) -> int:
        return 4 * self.width

    @property
    def last_norm(self) -> str:
        """Name of the normalisation before the head: timm moves it behind the pool where that is a mean."""
        return "fc_norm" if self.pool == "avg" else "norm"

    def tensors(self) -> dict[str, Shape]:
        """Return the shape of every tensor by its name."""
        shapes: dict[str, Shape] = {
            "cls_token": (1, 1, self.width),
            "pos_embed": (1, self.tokens, self.width),
            **_linear("patch_embed.proj", self.width, 3, self.patch, self.patch),
        }
        for index in range(self.depth):
            shapes |= self._block(f"blocks.{index}")
        return shapes | _norm(self.last_norm, self.width) | _linear("head", self.classes, self.width)

    def _block(self, name: str) -> dict[str, Shape]:
        return {
            **_norm(f"{name}.norm1", self.width),
            **_linear(f"{name}.attn.qkv", 3 * self.width, self.width),
            **_linear(f"{name}.attn.proj", self.width, self.width),
            **_norm(f"{name}.norm2", self.width),
            **_linear(f"{name}.mlp.fc1", self.hidden, self.width),
            **_linear(f"{name}.mlp.fc2", self.width, self.hidden),
        }

    def differences(self, found: Mapping[str, Shape]) -> list[str]:
        """Describe each tensor that is missing, has another shape, or is unknown; empty where all tensors fit."""
        wanted = self.tensors()
        missing = [f"tensor {name} {shape} is missing" for name, shape in wanted.items() if name not in found]
        wrong = [
            f"tensor {name} has shape {found[name]}; accepted is {shape}"
            for name, shape in wanted.items()
            if name in found and found[name] != shape
        ]
        unknown = [f"tensor {name} {found[name]} has no place in it" for name in sorted(found.keys() - wanted.keys())]
        return missing + wrong + unknown


def _linear(name: str, *shape: int) -> dict[str, Shape]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
